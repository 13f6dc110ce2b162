package podstatus

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(-d)) }

func waiting(reason string, message ...string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: strings.Join(message, " ")}}
}

func ended(reason string, code int32, started, finished time.Duration) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		Reason: reason, ExitCode: code, StartedAt: ago(started), FinishedAt: ago(finished),
	}}
}

func running(since time.Duration) corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: ago(since)}}
}

func TestProblem(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		init      bool
		status    corev1.ContainerStatus
		want      Problem
		reason    string
	}{
		{"image", "the kubelet's reasons for images", false, corev1.ContainerStatus{State: waiting("ImagePullBackOff")}, ProblemImage, "ImagePullBackOff"},
		{"start", "the kubelet's reasons for containers", false, corev1.ContainerStatus{State: waiting("CreateContainerConfigError")}, ProblemStart, "CreateContainerConfigError"},
		{"creating", "nothing is wrong yet", false, corev1.ContainerStatus{State: waiting("ContainerCreating")}, 0, "ContainerCreating"},
		{"crash loop", "it waits for the next start", false, corev1.ContainerStatus{State: waiting("CrashLoopBackOff"), LastTerminationState: ended("Error", 1, 60, 50)}, ProblemCrashLoop, "CrashLoopBackOff"},
		{"crash loop of a start", "the last end says more", false, corev1.ContainerStatus{State: waiting("CrashLoopBackOff"), LastTerminationState: ended("StartError", 128, 60, 50)}, ProblemStart, "StartError"},
		{"ended", "a daemon's container does not end", false, corev1.ContainerStatus{State: ended("Completed", 0, time.Hour, time.Minute)}, ProblemCrashLoop, ""},
		{"init container ended", "that is its purpose", true, corev1.ContainerStatus{State: ended("Completed", 0, time.Hour, time.Minute)}, 0, ""},
		{"init container failed", "it is started again", true, corev1.ContainerStatus{State: ended("Error", 1, time.Hour, time.Minute)}, ProblemCrashLoop, ""},
		{"restarted lately", "it may crash again", false, corev1.ContainerStatus{State: running(time.Minute), RestartCount: 1, LastTerminationState: ended("Error", 1, time.Hour, 2*time.Minute)}, ProblemCrashLoop, ""},
		{"restarted lately, ready", "it serves", false, corev1.ContainerStatus{State: running(time.Minute), RestartCount: 1, Ready: true, LastTerminationState: ended("Error", 1, time.Hour, 2*time.Minute)}, 0, ""},
		{"restarted long ago", "ten minutes are steady", false, corev1.ContainerStatus{State: running(10 * time.Minute), RestartCount: 1, LastTerminationState: ended("Error", 1, time.Hour, 11*time.Minute)}, 0, ""},
		{"no state", "nothing is known", false, corev1.ContainerStatus{}, 0, ""},
	} {
		pod := &corev1.Pod{}
		if tc.init {
			pod.Status.InitContainerStatuses = []corev1.ContainerStatus{tc.status}
		} else {
			pod.Status.ContainerStatuses = []corev1.ContainerStatus{tc.status}
		}
		got, reason, _ := Containers(pod)[0].Problem(now)
		if got != tc.want || reason != tc.reason {
			t.Errorf("%s: Problem() = %v, %q, want %v, %q: %s", tc.name, got, reason, tc.want, tc.reason, tc.why)
		}
	}
}

func TestLoops(t *testing.T) {
	crashed := func(restarts int32, state corev1.ContainerState, run time.Duration) corev1.ContainerStatus {
		return corev1.ContainerStatus{RestartCount: restarts, State: state, LastTerminationState: ended("Error", 1, run+time.Minute, time.Minute)}
	}
	for _, tc := range []struct {
		name, why string
		status    corev1.ContainerStatus
		want      bool
	}{
		{"two crashes, waiting", "it waits for its second restart", crashed(1, waiting("CrashLoopBackOff"), time.Second), true},
		{"one crash, waiting", "one crash is no loop", crashed(0, waiting("CrashLoopBackOff"), time.Second), false},
		{"two crashes, running", "it may crash again", crashed(2, running(time.Minute), time.Second), true},
		{"one crash, running", "one crash is no loop", crashed(1, running(time.Minute), time.Second), false},
		{"running for long", "ten minutes are steady", crashed(9, running(10*time.Minute), time.Second), false},
		{"long runs", "it was steady before each end", crashed(9, running(time.Minute), time.Hour), false},
		{"no times", "nothing is known", corev1.ContainerStatus{RestartCount: 9, State: waiting("CrashLoopBackOff")}, false},
		{"image", "the image is missing, the container does not crash", crashed(9, waiting("ImagePullBackOff"), time.Second), false},
	} {
		pod := &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{tc.status}}}
		if got := Containers(pod)[0].Loops(now); got != tc.want {
			t.Errorf("%s: Loops() = %v, want %v: %s", tc.name, got, tc.want, tc.why)
		}
	}
}

func TestLoopBegan(t *testing.T) {
	// loop is a container whose last run took so long and has been over for so long.
	loop := func(restarts int32, state corev1.ContainerState, run, over time.Duration) corev1.ContainerStatus {
		return corev1.ContainerStatus{RestartCount: restarts, State: state, LastTerminationState: ended("Error", 1, over+run, over)}
	}
	for _, tc := range []struct {
		name, why string
		status    corev1.ContainerStatus
		want      time.Time
	}{
		{"never ended", "there is no loop", corev1.ContainerStatus{State: running(time.Hour)}, time.Time{}},
		{"no times", "nothing to estimate from", corev1.ContainerStatus{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}}, time.Time{}},
		{"long run", "it was steady before it ended", corev1.ContainerStatus{RestartCount: 9, LastTerminationState: ended("Error", 1, time.Hour, time.Minute)}, now.Add(-time.Minute)},
		{"first crash", "one run of ten seconds", corev1.ContainerStatus{State: ended("Error", 1, 70*time.Second, 60*time.Second)}, now.Add(-70 * time.Second)},
		{"third crash", "three runs of ten seconds; the first restart comes at once, the second after ten seconds", corev1.ContainerStatus{RestartCount: 2, State: ended("Error", 1, 70*time.Second, 60*time.Second)}, now.Add(-60*time.Second - 40*time.Second)},
		{"back-off says three", "most restarts are from before", loop(40, waiting("CrashLoopBackOff", "back-off 20s restarting failed container=main pod=a_b(c)"), 10*time.Second, time.Minute), now.Add(-60*time.Second - 40*time.Second)},
		{"back-off says six", "six runs, with five delays between", loop(40, waiting("CrashLoopBackOff", "back-off 2m40s restarting failed"), 10*time.Second, time.Minute), now.Add(-60*time.Second - (60+150)*time.Second)},
		{"longest back-off", "it says nothing about the number", loop(6, waiting("CrashLoopBackOff", "back-off 5m0s restarting failed"), 10*time.Second, time.Minute), now.Add(-60*time.Second - (70+310)*time.Second)},
		{"more back-off than restarts", "the restarts are fewer", loop(2, waiting("CrashLoopBackOff", "back-off 2m40s restarting failed"), 10*time.Second, time.Minute), now.Add(-60*time.Second - 40*time.Second)},
		{"no message", "the restarts are all there is", loop(3, waiting("CrashLoopBackOff"), 10*time.Second, time.Minute), now.Add(-60*time.Second - 70*time.Second)},
		{"another message", "it holds no time", loop(3, waiting("CrashLoopBackOff", "back-off soon"), 10*time.Second, time.Minute), now.Add(-60*time.Second - 70*time.Second)},
		{"runs again", "it waited for 25 seconds, which is the third delay and a slow start", loop(41, running(35*time.Second), 10*time.Second, time.Minute), now.Add(-60*time.Second - 40*time.Second)},
		{"runs again at once", "it was the first crash of this loop", loop(41, running(59*time.Second), 10*time.Second, time.Minute), now.Add(-60*time.Second - 10*time.Second)},
		{"runs again after long", "the number is not known", loop(7, running(time.Minute), 10*time.Second, 7*time.Minute), now.Add(-7*time.Minute - (70+310)*time.Second)},
		{"ended again", "it waited for ten seconds before the last run", corev1.ContainerStatus{RestartCount: 40, State: ended("Error", 1, 70*time.Second, 60*time.Second), LastTerminationState: ended("Error", 1, 90*time.Second, 80*time.Second)},
			now.Add(-60*time.Second - 40*time.Second)},
		{"countless crashes", "the sum is bounded", corev1.ContainerStatus{RestartCount: 1<<31 - 1, State: ended("Error", 1, 61*time.Second, 60*time.Second)},
			now.Add(-60*time.Second - 100_000*time.Second - (10+20+40+80+160)*time.Second - 99_993*5*time.Minute)},
	} {
		pod := &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{tc.status}}}
		if got := Containers(pod)[0].LoopBegan(); !got.Equal(tc.want) {
			t.Errorf("%s: LoopBegan() = %v, want %v: %s", tc.name, got, tc.want, tc.why)
		}
	}
}

func TestDeletedAt(t *testing.T) {
	end := ago(0)
	for _, tc := range []struct {
		name, why string
		grace     *int64
		want      time.Time
	}{
		{"no grace period", "the timestamp is all there is", nil, now},
		{"grace period", "the timestamp is its end", new(int64(30)), now.Add(-30 * time.Second)},
		{"negative", "no API server writes it", new(int64(-30)), now},
		{"beyond a duration", "it cannot be subtracted", new(int64(1 << 40)), now},
	} {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &end, DeletionGracePeriodSeconds: tc.grace}}
		if got := DeletedAt(pod); !got.Equal(tc.want) {
			t.Errorf("%s: DeletedAt() = %v, want %v: %s", tc.name, got, tc.want, tc.why)
		}
	}
	if got := DeletedAt(&corev1.Pod{}); !got.IsZero() {
		t.Errorf("DeletedAt() of a pod that is not deleted = %v, want zero", got)
	}
}
