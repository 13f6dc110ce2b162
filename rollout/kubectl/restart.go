package kubectl

import (
	"errors"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// RestartedAtAnnotation is the annotation of the template in which kubectl rollout restart notes the
// time (defaultObjectRestarter@v0.37.2).
const RestartedAtAnnotation = "kubectl.kubernetes.io/restartedAt"

// RolloutRestart returns a copy of ds as kubectl rollout restart makes it
// (defaultObjectRestarter@v0.37.2): the template has RestartedAtAnnotation with now in RFC 3339, in
// the time zone of now. That is a new template, whose rollout replaces all pods as any other does.
// Update the stored DaemonSet with the copy, or make it the proposal of simulate.Judge. With the
// strategy OnDelete nothing restarts until somebody deletes the pods. kubectl looks at no policy, and
// neither does RolloutRestart.
//
// ds is not changed, and the copy shares nothing with it. A nil ds is an error, and so is a zero now.
// If the template has that time already, RolloutRestart fails in kubectl's words: seconds are the
// smallest unit.
func RolloutRestart(ds *appsv1.DaemonSet, now time.Time) (*appsv1.DaemonSet, error) {
	if ds == nil {
		return nil, field.Required(field.NewPath("daemonSet"), "")
	}
	if now.IsZero() {
		return nil, field.Required(field.NewPath("now"), "")
	}
	at := now.Format(time.RFC3339)
	if ds.Spec.Template.Annotations[RestartedAtAnnotation] == at {
		return nil, errors.New("if restart has already been triggered within the past second, please wait before attempting to trigger another")
	}
	restarted := ds.DeepCopy()
	metav1.SetMetaDataAnnotation(&restarted.Spec.Template.ObjectMeta, RestartedAtAnnotation, at)
	return restarted, nil
}
