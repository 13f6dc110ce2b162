package kubectl_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/rollout/kubectl"
)

// tableTime is the time of the tables in the tests.
var tableTime = time.Date(2025, 2, 1, 12, 0, 0, 0, time.UTC)

// tableSet is nginxSet on n nodes, that old at tableTime.
func tableSet(name string, n int32, age time.Duration) *appsv1.DaemonSet {
	ds := nginxSet("1.27.4-alpine")
	ds.Name = name
	ds.CreationTimestamp = metav1.NewTime(tableTime.Add(-age))
	ds.Status = appsv1.DaemonSetStatus{
		DesiredNumberScheduled: n, CurrentNumberScheduled: n, NumberReady: n, UpdatedNumberScheduled: n, NumberAvailable: n,
	}
	return ds
}

func TestTableText(t *testing.T) {
	lesson := tableSet("nginx-deploy", 2, 13*time.Minute)

	proxy := tableSet("kube-proxy", 15000, 400*24*time.Hour)
	proxy.Status.NumberReady, proxy.Status.NumberAvailable = 14999, 14998
	proxy.Spec.Template.Spec.NodeSelector = map[string]string{"kubernetes.io/os": "linux", "disk": "ssd"}
	proxy.Spec.Template.Spec.InitContainers = []corev1.Container{{Name: "init", Image: "busybox"}}
	proxy.Spec.Template.Spec.Containers = []corev1.Container{{Name: "proxy", Image: "registry.k8s.io/kube-proxy:v1.37.2"}, {Name: "log", Image: "log:1"}}
	proxy.Spec.Selector = &metav1.LabelSelector{
		MatchLabels:      map[string]string{"k8s-app": "kube-proxy"},
		MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "tier", Operator: metav1.LabelSelectorOpIn, Values: []string{"b", "a"}}},
	}

	bare := &appsv1.DaemonSet{}
	bare.Name = "a"

	empty, malformed := tableSet("empty", 0, 0), tableSet("malformed", 0, 0)
	empty.Spec.Selector = &metav1.LabelSelector{}
	malformed.Spec.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Gt"}}}

	bytes := tableSet("bytes", 1, 0)
	bytes.Spec.Template.Spec.NodeSelector = map[string]string{"größe": "überwältigend"}

	forged := tableSet("forged", 1, 0)
	forged.Spec.Template.Spec.Containers = []corev1.Container{
		{Name: "red", Image: "\x1b[31mred\x1b[0m"}, {Name: "more", Image: "image\nkube-proxy   9   9"},
	}
	carriage := tableSet("carriage", 1, 0)
	carriage.Spec.Template.Spec.Containers = []corev1.Container{{Name: "a\rb", Image: "c\fd"}}

	for _, tt := range []struct {
		name, why string
		sets      []*appsv1.DaemonSet
		want      []string
		wide      []string
	}{{
		name: "none", why: "kubectl prints no header without rows",
	}, {
		name: "only nil", why: "left out", sets: []*appsv1.DaemonSet{nil, nil},
	}, {
		name: "the lesson's", why: "as it is printed there; columns are at least six wide with a gap of three, the last one is not padded",
		sets: []*appsv1.DaemonSet{lesson},
		want: []string{
			"NAME           DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE",
			"nginx-deploy   2         2         2       2            2           <none>          13m",
		},
		wide: []string{
			"NAME           DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE   CONTAINERS   IMAGES                SELECTOR",
			"nginx-deploy   2         2         2       2            2           <none>          13m   nginx        nginx:1.27.4-alpine   env=demo",
		},
	}, {
		name: "several", why: "in the order given, nil left out; lists with commas, maps and selectors ordered by key; init containers are not shown",
		sets: []*appsv1.DaemonSet{proxy, nil, lesson},
		want: []string{
			"NAME           DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR                     AGE",
			"kube-proxy     15000     15000     14999   15000        14998       disk=ssd,kubernetes.io/os=linux   400d",
			"nginx-deploy   2         2         2       2            2           <none>                            13m",
		},
		wide: []string{
			"NAME           DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR                     AGE    CONTAINERS   IMAGES                                     SELECTOR",
			"kube-proxy     15000     15000     14999   15000        14998       disk=ssd,kubernetes.io/os=linux   400d   proxy,log    registry.k8s.io/kube-proxy:v1.37.2,log:1   k8s-app=kube-proxy,tier in (a,b)",
			"nginx-deploy   2         2         2       2            2           <none>                            13m    nginx        nginx:1.27.4-alpine                        env=demo",
		},
	}, {
		name: "bare", why: "nothing is known of it; empty cells stay empty",
		sets: []*appsv1.DaemonSet{bare},
		want: []string{
			"NAME   DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE",
			"a      0         0         0       0            0           <none>          <unknown>",
		},
		wide: []string{
			"NAME   DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE         CONTAINERS   IMAGES   SELECTOR",
			"a      0         0         0       0            0           <none>          <unknown>                         <none>",
		},
	}, {
		name: "selectors", why: "an empty one shows like none, a malformed one as an error",
		sets: []*appsv1.DaemonSet{empty, malformed},
		want: []string{
			"NAME        DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE",
			"empty       0         0         0       0            0           <none>          0s",
			"malformed   0         0         0       0            0           <none>          0s",
		},
		wide: []string{
			"NAME        DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE   CONTAINERS   IMAGES                SELECTOR",
			"empty       0         0         0       0            0           <none>          0s    nginx        nginx:1.27.4-alpine   <none>",
			"malformed   0         0         0       0            0           <none>          0s    nginx        nginx:1.27.4-alpine   <error>",
		},
	}, {
		name: "letters of two bytes", why: "each widens the column by two, as kubectl's do",
		sets: []*appsv1.DaemonSet{bytes},
		want: []string{
			"NAME    DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR             AGE",
			"bytes   1         1         1       1            1           größe=überwältigend       0s",
		},
		wide: []string{
			"NAME    DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR             AGE   CONTAINERS   IMAGES                SELECTOR",
			"bytes   1         1         1       1            1           größe=überwältigend       0s    nginx        nginx:1.27.4-alpine   env=demo",
		},
	}, {
		name: "control characters", why: "a value cannot forge a row or colour the terminal; what is cut away still widens the column, as kubectl's does",
		sets: []*appsv1.DaemonSet{forged, carriage},
		want: []string{
			"NAME       DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE",
			"forged     1         1         1       1            1           <none>          0s",
			"carriage   1         1         1       1            1           <none>          0s",
		},
		wide: []string{
			"NAME       DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE   CONTAINERS   IMAGES                                  SELECTOR",
			"forged     1         1         1       1            1           <none>          0s    red,more     ^[[31mred^[[0m,image...                 env=demo",
			"carriage   1         1         1       1            1           <none>          0s    a...         c...                                    env=demo",
		},
	}} {
		t.Run(tt.name, func(t *testing.T) {
			text := func(lines []string) string {
				if lines == nil {
					return ""
				}
				return strings.Join(lines, "\n") + "\n"
			}
			table := kubectl.NewTable(tt.sets, tableTime)
			if diff := cmp.Diff(text(tt.want), table.String()); diff != "" {
				t.Errorf("%s: String mismatch (-want +got):\n%s", tt.why, diff)
			}
			if diff := cmp.Diff(text(tt.wide), table.Wide()); diff != "" {
				t.Errorf("%s: Wide mismatch (-want +got):\n%s", tt.why, diff)
			}
		})
	}
}

// TestTableAllNamespaces: the namespaces stand first, in a column like any other.
func TestTableAllNamespaces(t *testing.T) {
	short, long, none := tableSet("a", 1, time.Minute), tableSet("node-exporter", 12, time.Hour), tableSet("b", 0, 0)
	short.Namespace, long.Namespace, none.Namespace = "web", "monitoring-system", ""
	none.Spec.Template.Spec.Containers[0].Image = "nginx:2"
	for _, tt := range []struct {
		name, why  string
		sets       []*appsv1.DaemonSet
		want, wide string
	}{
		{name: "no rows", why: "no header either"},
		{
			name: "short", why: "the header needs more room than the cells", sets: []*appsv1.DaemonSet{short},
			want: "NAMESPACE   NAME   DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE\n" +
				"web         a      1         1         1       1            1           <none>          60s\n",
			wide: "NAMESPACE   NAME   DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE   CONTAINERS   IMAGES                SELECTOR\n" +
				"web         a      1         1         1       1            1           <none>          60s   nginx        nginx:1.27.4-alpine   env=demo\n",
		},
		{
			name: "several", why: "the rows stay in their order, and an object without a namespace has an empty cell", sets: []*appsv1.DaemonSet{short, long, none},
			want: "NAMESPACE           NAME            DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE\n" +
				"web                 a               1         1         1       1            1           <none>          60s\n" +
				"monitoring-system   node-exporter   12        12        12      12           12          <none>          60m\n" +
				"                    b               0         0         0       0            0           <none>          0s\n",
			wide: "NAMESPACE           NAME            DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE   CONTAINERS   IMAGES                SELECTOR\n" +
				"web                 a               1         1         1       1            1           <none>          60s   nginx        nginx:1.27.4-alpine   env=demo\n" +
				"monitoring-system   node-exporter   12        12        12      12           12          <none>          60m   nginx        nginx:1.27.4-alpine   env=demo\n" +
				"                    b               0         0         0       0            0           <none>          0s    nginx        nginx:2               env=demo\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table := kubectl.NewTable(tt.sets, tableTime)
			table.AllNamespaces = true
			if diff := cmp.Diff(tt.want, table.String()); diff != "" {
				t.Errorf("%s: String mismatch (-want +got):\n%s", tt.why, diff)
			}
			if diff := cmp.Diff(tt.wide, table.Wide()); diff != "" {
				t.Errorf("%s: Wide mismatch (-want +got):\n%s", tt.why, diff)
			}
		})
	}
}

func TestTableAge(t *testing.T) {
	for _, tt := range []struct {
		name, why string
		age       time.Duration
		want      string
	}{
		{"now", "starts at nought", 0, "0s"},
		{"clocks apart", "less than two seconds ahead counts as now", -1900 * time.Millisecond, "0s"},
		{"future", "two seconds ahead is no age", -2 * time.Second, "<invalid>"},
		{"seconds", "up to two minutes", 119*time.Second + 900*time.Millisecond, "119s"},
		{"minutes and seconds", "up to ten minutes", 9*time.Minute + 59*time.Second, "9m59s"},
		{"minutes", "up to three hours", 13*time.Minute + 50*time.Second, "13m"},
		{"hours and minutes", "up to eight hours", 3*time.Hour + 5*time.Minute, "3h5m"},
		{"hours", "up to two days", 26 * time.Hour, "26h"},
		{"days and hours", "up to eight days", 49 * time.Hour, "2d1h"},
		{"days", "up to two years", 729 * 24 * time.Hour, "729d"},
		{"years and days", "up to eight years", 731 * 24 * time.Hour, "2y1d"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := kubectl.NewTable([]*appsv1.DaemonSet{tableSet("a", 0, tt.age)}, tableTime).Rows[0].Age; got != tt.want {
				t.Errorf("Age after %v = %q, want %q: %s", tt.age, got, tt.want, tt.why)
			}
		})
	}
}

func TestTableRows(t *testing.T) {
	ds := tableSet("nginx", 0, time.Hour*5)
	ds.Namespace = "web"
	ds.Status = appsv1.DaemonSetStatus{
		DesiredNumberScheduled: 1, CurrentNumberScheduled: 2, NumberReady: 3, UpdatedNumberScheduled: 4, NumberAvailable: 5,
		NumberMisscheduled: 6, NumberUnavailable: 7,
	}
	ds.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}
	before := ds.DeepCopy()
	table := kubectl.NewTable([]*appsv1.DaemonSet{nil, ds}, tableTime)
	want := []kubectl.TableRow{{
		Namespace: "web", Name: "nginx", Desired: 1, Current: 2, Ready: 3, UpToDate: 4, Available: 5,
		NodeSelector: "disk=ssd", Age: "5h", Containers: "nginx", Images: "nginx:1.27.4-alpine", Selector: "env=demo",
	}}
	if diff := cmp.Diff(want, table.Rows); diff != "" {
		t.Errorf("Rows mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, ds); diff != "" {
		t.Errorf("NewTable changed its argument (-before +after):\n%s", diff)
	}

	var named []string
	for i, cell := range table.Rows[0].Cells() {
		column := kubectl.TableColumns()[i]
		named = append(named, fmt.Sprintf("%d %s: %s", column.Priority, column.Name, cell))
	}
	wantNamed := []string{
		"0 Name: nginx", "0 Desired: 1", "0 Current: 2", "0 Ready: 3", "0 Up-to-date: 4", "0 Available: 5",
		"0 Node Selector: disk=ssd", "0 Age: 5h", "1 Containers: nginx", "1 Images: nginx:1.27.4-alpine", "1 Selector: env=demo",
	}
	if diff := cmp.Diff(wantNamed, named); diff != "" {
		t.Errorf("Cells by TableColumns mismatch (-want +got):\n%s", diff)
	}
	if n := len(kubectl.TableColumns()); n != len(named) {
		t.Errorf("len(TableColumns()) = %d, want one for each of the %d cells", n, len(named))
	}
}

func TestTableZero(t *testing.T) {
	for name, table := range map[string]kubectl.Table{"zero": {}, "no DaemonSets": kubectl.NewTable(nil, time.Time{})} {
		t.Run(name, func(t *testing.T) {
			if got := table.String() + table.Wide(); got != "" {
				t.Errorf("text = %q, want none", got)
			}
		})
	}
	t.Run("own rows", func(t *testing.T) {
		table := kubectl.Table{Rows: []kubectl.TableRow{{Name: "x", Age: "1s"}}}
		want := "NAME   DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE\n" +
			"x      0         0         0       0            0                           1s\n"
		if diff := cmp.Diff(want, table.String()); diff != "" {
			t.Errorf("String mismatch (-want +got):\n%s", diff)
		}
	})
}

// Where kubectl prints the rows after the first hundred out of line, because it
// settles the columns before it escapes the cells, this table stays aligned.
func TestTableLong(t *testing.T) {
	var sets []*appsv1.DaemonSet
	for i := range 150 {
		sets = append(sets, tableSet(fmt.Sprintf("ds-%d", i), int32(i), time.Hour))
	}
	sets[149].Spec.Template.Spec.Containers[0].Image = strings.Repeat("\x1b", 40)
	lines := strings.Split(strings.TrimSuffix(kubectl.NewTable(sets, tableTime).Wide(), "\n"), "\n")
	if len(lines) != 151 {
		t.Fatalf("table has %d lines, want 151", len(lines))
	}
	column := strings.LastIndex(lines[0], "SELECTOR")
	for i, line := range lines[1:] {
		if got := strings.Index(line, "env=demo"); got != column {
			t.Errorf("row %d has its selector at %d, want %d", i, got, column)
		}
	}
}
