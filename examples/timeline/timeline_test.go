package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/simulate"
)

var update = flag.Bool("update", false, "rewrite the pictures that the README shows")

var testNow = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// command runs timeline as main does.
func command(stdin string, args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = run(args, strings.NewReader(stdin), &out, &errs, testNow)
	return status, out.String(), errs.String()
}

// drawn runs timeline where it must draw a rollout that is complete at the end.
func drawn(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	return drawnTo(t, 0, stdin, args...)
}

// drawnTo runs timeline where it must draw. It says why the exit status is not 0.
func drawnTo(t *testing.T, want int, stdin string, args ...string) string {
	t.Helper()
	status, svg, stderr := command(stdin, args...)
	if status != want || want != 0 && stderr == "" {
		t.Fatalf("run(%q) = %d, %d bytes, stderr %q, want %d", args, status, len(svg), stderr, want)
	}
	return svg
}

// The two pictures of the README.
func TestPictures(t *testing.T) {
	for _, tc := range []struct {
		file string
		args []string
	}{
		{"max-unavailable.svg", []string{"-max-unavailable", "1"}},
		{"max-surge-by-zone.svg", []string{"-max-surge", "25%", "-by-zone"}},
	} {
		got := drawn(t, "", tc.args...)
		if *update {
			if err := os.WriteFile(tc.file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(tc.file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got); -update rewrites it:\n%s", tc.file, diff)
		}
	}
}

// clusterYAML is the built-in cluster, of another size, as kubectl prints it.
func clusterYAML(t *testing.T, zones, perZone int) string {
	t.Helper()
	in, err := builtIn(zones, perZone)
	if err != nil {
		t.Fatal(err)
	}
	list := corev1.List{}
	list.Kind, list.APIVersion = "List", "v1"
	add := func(kind, version string, object any) {
		raw, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		raw = append([]byte(fmt.Sprintf(`{"kind":%q,"apiVersion":%q,`, kind, version)), raw[1:]...)
		list.Items = append(list.Items, runtime.RawExtension{Raw: raw})
	}
	add("DaemonSet", "apps/v1", in.DaemonSet)
	for _, revision := range in.Revisions {
		add("ControllerRevision", "apps/v1", revision)
	}
	for _, node := range in.Nodes {
		add("Node", "v1", node)
	}
	for _, pod := range in.Pods {
		add("Pod", "v1", pod)
	}
	data, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// brokenImage gives the pod on node-b1 an image that cannot be pulled since the time of the
// built-in cluster.
func brokenImage(t *testing.T, cluster string) string {
	t.Helper()
	var list struct {
		Kind       string           `json:"kind"`
		APIVersion string           `json:"apiVersion"`
		Items      []map[string]any `json:"items"`
	}
	if err := json.Unmarshal([]byte(cluster), &list); err != nil {
		t.Fatal(err)
	}
	broken := 0
	for _, object := range list.Items {
		metadata, _ := object["metadata"].(map[string]any)
		if object["kind"] != "Pod" || metadata["name"] != "agent-v1-node-b1" {
			continue
		}
		broken++
		metadata["creationTimestamp"] = "2026-01-01T12:00:00Z"
		object["status"] = map[string]any{
			"phase": "Pending",
			"containerStatuses": []any{map[string]any{
				"name": "agent", "image": builtInOldImage, "imageID": "", "ready": false, "restartCount": 0,
				"state": map[string]any{"waiting": map[string]any{"reason": "ImagePullBackOff", "message": "Back-off pulling image"}},
			}},
		}
	}
	if broken != 1 {
		t.Fatalf("%d pods on node-b1, want 1", broken)
	}
	data, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// svg is what the tests look at of a picture.
type svg struct {
	texts, titles []string
	// rects counts the rectangles of each class.
	rects map[string]int
	paths map[string]int
}

// parse reads a picture, and holds what is true of all of them: well-formed, named
// and described, with nothing from elsewhere and nothing outside.
func parse(t *testing.T, picture string) *svg {
	t.Helper()
	found := &svg{rects: map[string]int{}, paths: map[string]int{}}
	decoder := xml.NewDecoder(strings.NewReader(picture))
	var open []string
	var width, height float64
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, picture)
		}
		switch token := token.(type) {
		case xml.StartElement:
			attributes := map[string]string{}
			for _, a := range token.Attr {
				attributes[a.Name.Local] = a.Value
				if a.Name.Local == "href" || strings.HasPrefix(a.Name.Local, "on") {
					t.Errorf("attribute %s=%q, want nothing from elsewhere and nothing that runs", a.Name.Local, a.Value)
				}
			}
			number := func(name string) float64 {
				v, err := strconv.ParseFloat(attributes[name], 64)
				if err != nil {
					t.Errorf("%s %s=%q is no number", token.Name.Local, name, attributes[name])
				}
				return v
			}
			switch token.Name.Local {
			case "script", "foreignObject", "image", "use":
				t.Errorf("element %s, want a picture that needs nothing", token.Name.Local)
			case "svg":
				width, height = number("width"), number("height")
				if attributes["role"] != "img" || attributes["aria-labelledby"] != "title desc" {
					t.Errorf("svg has role %q, labelled by %q, want img and title desc", attributes["role"], attributes["aria-labelledby"])
				}
			case "rect":
				if x, y, w, h := number("x"), number("y"), number("width"), number("height"); x < 0 || y < 0 || w < 0 || h <= 0 || x+w > width || y+h > height {
					t.Errorf("rect %v is not within %v x %v", attributes, width, height)
				}
				found.rects[strings.Fields(attributes["class"])[0]]++
			case "text":
				if x, y := number("x"), number("y"); x < margin || x > width-margin || y < margin || y > height {
					t.Errorf("text at %v, %v, want it within %v x %v", x, y, width, height)
				}
			case "path":
				if class := attributes["class"]; class != "" {
					found.paths[class]++
				}
			}
			open = append(open, token.Name.Local)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			switch {
			case len(open) == 0:
			case open[len(open)-1] == "title":
				found.titles = append(found.titles, string(token))
			case open[len(open)-1] == "text":
				found.texts = append(found.texts, string(token))
			}
		}
	}
	if strings.Count(picture, "://") != 1 {
		t.Errorf("%d addresses in the picture, want only that of SVG itself", strings.Count(picture, "://"))
	}
	if !strings.Contains(picture, `<desc id="desc">`) || len(found.titles) == 0 {
		t.Error("picture without title or description")
	}
	return found
}

func TestDraw(t *testing.T) {
	zoned := clusterYAML(t, 3, 2)
	bare := strings.ReplaceAll(zoned, corev1.LabelTopologyZone, "elsewhere")
	for _, tc := range []struct {
		name, why, stdin string
		args             []string
		status           int
		texts            []string // some of them
		absent           []string
		titles           []string
		classes          []string // of bars
	}{
		{
			name: "built-in", why: "zones, nodes, facts, the lowest value, times in one unit",
			texts:   []string{"Rollout of agent: maxUnavailable 1", "12 nodes · complete after 2 min 24 s · 37 passes · at least 11 of 12 available", "zone-b", "node-b2", "lowest: 11 of 12", "1:00 min", "old", "terminating", "starting", "new"},
			absent:  []string{"failed", "canary", "no pod"},
			titles:  []string{"agent-v1-node-a2 on node-a2: old, 0 s to 12 s", "agent-1 on node-a1: starting, 2 s to 12 s", "agent-1 on node-a1: new, 12 s to 2 min 31 s"},
			classes: []string{"old", "terminating", "starting", "ready"},
		},
		{
			name: "surge", why: "the old pod's bar tells its whole time, though the row is split half way",
			args:   []string{"-max-surge", "25%", "-by-zone"},
			texts:  []string{"Rollout of agent: maxSurge 25%, one zone at a time", "lowest: 12 of 12"},
			titles: []string{"agent-v1-node-b1 on node-b1: old, 0 s to 30 s"},
		},
		{
			name: "stuck", why: "since when and on what, and who waits for that", status: 2,
			args:    []string{"-never-ready", "node-b2", "-never-ready", "node-b3", "-max-unavailable", "2", "-ready-after", "8s"},
			texts:   []string{"stalled after 30 s, on node-b2: agent-6 is not ready", "node-b3: agent-7 is not ready", "5 nodes wait for the update"},
			titles:  []string{"stalled after 30 s"},
			classes: []string{"stuck"},
		},
		{
			name: "many are stuck", why: "the list has an end", stdin: zoned, status: 2,
			args: []string{"-f", "-", "-image", "new", "-max-unavailable", "100%", "-never-ready", "node-a1", "-never-ready", "node-a2",
				"-never-ready", "node-b1", "-never-ready", "node-b2", "-never-ready", "node-c1", "-never-ready", "node-c2"},
			texts:  []string{"stalled without completing a node, on node-a1: agent-1 is not ready", "and on 2 more nodes"},
			absent: []string{"node-c1: agent-5 is not ready"},
		},
		{
			name: "canaries", why: "they are told apart, by a mark at the name too",
			args:    []string{"-canary", "2", "-canary-wait", "5s"},
			texts:   []string{"Rollout of agent: maxUnavailable 1, 2 canaries first", "canary", "node-a1 ◆", "node-a2 ◆"},
			absent:  []string{"node-a1"},
			classes: []string{"canary", "ready"},
		},
		{
			name: "OnDelete", why: "nothing happens, and that is said", status: 3, stdin: strings.Replace(strings.Replace(zoned, `"type":"RollingUpdate"`, `"type":"OnDelete"`, 1), `"rollingUpdate":{"maxUnavailable":1,"maxSurge":0}`, `"rollingUpdate":null`, 1),
			args:  []string{"-f", "-", "-image", "new"},
			texts: []string{"Rollout of agent: OnDelete", "waiting from the start", "6 nodes wait for the update"},
		},
		{
			name: "quickstart's file", why: "the state in it is in the middle of a rollout; a pod where it does not belong has a row",
			args:    []string{"-f", "../quickstart/testdata/rollout.yaml", "-now", "2026-01-01T10:00:00Z"},
			texts:   []string{"Rollout of log-agent: maxUnavailable 1", "gpu-1", "no pod"},
			classes: []string{"none", "ready"},
		},
		{
			name: "stored DaemonSet and its manifest", why: "one DaemonSet: the rollout is that of the manifest, which tolerates all taints",
			args:    []string{"-f", "../quickstart/testdata/rollout.yaml", "-f", "../quickstart/testdata/apply.yaml", "-now", "2026-01-01T10:00:00Z"},
			texts:   []string{"Rollout of log-agent: maxUnavailable 1", "control-plane", "win-1"},
			absent:  []string{"2 DaemonSets"},
			classes: []string{"ready"},
		},
		{
			name: "first creation", why: "manifests alone: nothing is old",
			args:   []string{"-f", "../quickstart/lesson/daemonset.yaml", "-f", "../quickstart/lesson/nodes.yaml"},
			texts:  []string{"2 nodes · complete after 10 s · 3 passes · at least 0 of 2 available", "1 more node without it", "cka-cluster2-worker"},
			absent: []string{"old"},
		},
		{
			name: "no zones", why: "no groups where there is nothing to group by", stdin: bare,
			args:   []string{"-f", "-", "-image", "agent=new"},
			texts:  []string{"node-a1", "node-c2"},
			absent: []string{"zone-a", "no zone"},
		},
		{
			name: "node not ready", why: "nothing ends on it, nothing starts", status: 2,
			stdin:  strings.Replace(zoned, `"status":{"daemonEndpoints"`, `"status":{"conditions":[{"type":"Ready","status":"Unknown"}],"daemonEndpoints"`, 1),
			args:   []string{"-f", "-", "-image", "new"},
			texts:  []string{"template; agent-v1-node-a1 is being deleted", "5 nodes wait for the update"},
			titles: []string{"agent-v1-node-a1 on node-a1: terminating, 0 s to 30 s"},
		},
		{
			name: "image cannot be pulled", why: "it stays so: nothing else in the objects has told the picture", status: 2, stdin: brokenImage(t, zoned),
			args:    []string{"-f", "-", "-now", "2026-01-01T12:40:00Z"},
			texts:   []string{`stalled from the start, on node-b1: agent-v1-node-b1: image`, `"registry.example/agent:1.0" cannot be pulled: ImagePullBackOff`},
			titles:  []string{"stalled from the start", "agent-v1-node-b1 on node-b1: starting, 0 s to 30 s"},
			classes: []string{"stuck", "starting"},
		},
		{
			name: "image cannot be pulled, another image", why: "that one can", stdin: brokenImage(t, zoned),
			args:  []string{"-f", "-", "-now", "2026-01-01T12:40:00Z", "-image", "new"},
			texts: []string{"6 nodes · complete after 1 min 12 s · 19 passes · at least 5 of 6 available"},
		},
		{
			name: "domain", why: "what all names have in common is left out", stdin: regexp.MustCompile(`"node-([a-c]\d)"`).ReplaceAllString(zoned, `"node-$1.example.com"`),
			args:   []string{"-f", "-", "-image", "new"},
			texts:  []string{"node-a1"},
			titles: []string{"agent-1 on node-a1.example.com: starting, 2 s to 12 s"},
		},
		{
			name: "minReadySeconds", why: "ready is not available yet", stdin: strings.Replace(zoned, `"spec":{`, `"spec":{"minReadySeconds":30,`, 1),
			args:    []string{"-f", "-", "-image", "new"},
			texts:   []string{"ready, not yet available"},
			classes: []string{"settling"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := parse(t, drawnTo(t, tc.status, tc.stdin, tc.args...))
			has := func(list []string, want string) bool {
				for _, text := range list {
					if text == want {
						return true
					}
				}
				return false
			}
			for _, want := range tc.texts {
				if !has(got.texts, want) {
					t.Errorf("no text %q, but %q: %s", want, got.texts, tc.why)
				}
			}
			for _, text := range tc.absent {
				if has(got.texts, text) {
					t.Errorf("text %q, want none: %s", text, tc.why)
				}
			}
			for _, want := range tc.titles {
				if !has(got.titles, want) {
					t.Errorf("no title %q, but %q: %s", want, got.titles, tc.why)
				}
			}
			for _, class := range tc.classes {
				// A swatch of the legend is one.
				if least := map[bool]int{true: 1, false: 2}[class == "stuck"]; got.rects[class] < least {
					t.Errorf("%d rectangles of class %s, want %d at least: %s", got.rects[class], class, least, tc.why)
				}
			}
		})
	}
}

// A new image is a new generation, as the API server would have it.
func TestInput(t *testing.T) {
	in, notes, err := (&plan{byZone: true}).input(strings.NewReader(""))
	if err != nil || len(notes) > 0 || in.DaemonSet.Generation != 2 {
		t.Errorf("input = generation %d, notes %q, %v, want 2, none, none", in.DaemonSet.Generation, notes, err)
	}
}

// What went wrong is said in a few lines.
func TestTrouble(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		canary    rollout.Canary
		opts      simulate.Options
		want      []string
		policy    bool // more lines, which end.String words
	}{
		{
			name: "way back", why: "though the rollout comes to an end", canary: rollout.Canary{FailStarting: metav1.Duration{Duration: 5 * time.Second}},
			want: []string{"the canaries failed: back to revision agent-58bc774f86"},
		},
		{
			name: "policy", why: "the node in the way, the others counted, and what the policy holds back",
			opts: on("node-a1", simulate.PodTimes{ReadyAfter: -1}),
			want: []string{
				"stalled without completing a node, on node-a1: agent-1 is not ready", "1 node waits for the update",
			},
			policy: true,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := twoNodes(t, 1, 0)
			tc.canary.Nodes = intstr.FromInt32(1)
			tc.opts.Policy.Canary = &tc.canary
			rec, err := record(in, tc.opts)
			if err != nil {
				t.Fatal(err)
			}
			got := newPicture(rec, "x", "y").trouble()
			n := min(len(got), len(tc.want))
			if diff := cmp.Diff(tc.want, got[:n]); diff != "" {
				t.Errorf("trouble: %s (-want +got):\n%s", tc.why, diff)
			}
			rest := strings.Join(got[n:], "\n")
			if strings.Contains(rest, "canary") != tc.policy || strings.Contains(rest, "up-to-date") {
				t.Errorf("trouble ends with %q, want the policy in it: %v, and no node again: %s", rest, tc.policy, tc.why)
			}
		})
	}
}

// However many nodes there are, the file stays small.
func TestSizes(t *testing.T) {
	for _, tc := range []struct {
		name, why      string
		zones, perZone int
		args           []string
		bytes          int
		bars, areas    int // at least
		named          bool
	}{
		{"named rows", "names can still be read", 4, 10, []string{"-max-unavailable", "25%"}, 60_000, 100, 0, true},
		{"rows", "too many for names", 4, 40, []string{"-max-unavailable", "10%"}, 150_000, 300, 0, false},
		{"areas", "too many for rows", 5, 1000, []string{"-max-unavailable", "1"}, 200_000, 0, 5 * 2, false},
		{"areas with surge", "two pods on a node", 3, 400, []string{"-max-surge", "10%", "-by-zone"}, 100_000, 0, 3 * 2, false},
		{"one area", "too many zones", 9, 30, []string{"-max-unavailable", "10"}, 60_000, 0, 2, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			picture := drawn(t, clusterYAML(t, tc.zones, tc.perZone), append([]string{"-f", "-", "-image", "new"}, tc.args...)...)
			if len(picture) > tc.bytes {
				t.Errorf("%d bytes, want %d at most: %s", len(picture), tc.bytes, tc.why)
			}
			got := parse(t, picture)
			if got.rects["ready"] < 1 || got.rects["ready"]+got.rects["old"]+got.rects["terminating"]+got.rects["starting"] < tc.bars {
				t.Errorf("bars %v, want %d at least: %s", got.rects, tc.bars, tc.why)
			}
			if n := got.paths["old"] + got.paths["ready"]; n < tc.areas || tc.areas == 0 && n > 0 || n > max(tc.areas, 2*maxAreas) {
				t.Errorf("%d areas, want %d: %s", n, tc.areas, tc.why)
			}
			named := false
			for _, text := range got.texts {
				named = named || strings.HasPrefix(text, "node-")
			}
			if named != tc.named {
				t.Errorf("names of nodes: %v, want %v: %s", named, tc.named, tc.why)
			}
		})
	}
}

// In each column of an area every node counts once, with two pods or without any.
func TestShares(t *testing.T) {
	gone := twoNodes(t, 1, 0)
	gone.Nodes = gone.Nodes[:1]
	for name, in := range map[string]daemon.Input{"surge": twoNodes(t, 0, 1), "node gone": gone} {
		rec, err := record(in, on("node-a1", simulate.PodTimes{ReadyAfter: 33 * time.Second}))
		if err != nil {
			t.Fatal(err)
		}
		p := newPicture(rec, "x", "y")
		for i, column := range p.shares(rec.rows) {
			sum := 0.0
			for _, share := range column {
				sum += share
			}
			if sum < 1.999 || sum > 2.001 {
				t.Fatalf("%s: column %d has %v nodes %v, want 2", name, i, sum, column)
			}
		}
	}
}

// The curve of many levels keeps the lowest of each pixel.
func TestVisible(t *testing.T) {
	rec := &recording{horizon: plotWidth * 10 * time.Second, desired: 9}
	for i := range int(plotWidth) * 10 {
		n := 9
		if i%10 == 5 {
			n = 8 - i/10%2
		}
		rec.available = append(rec.available, level{time.Duration(i) * time.Second, n})
	}
	p := newPicture(rec, "x", "y")
	got := p.visible()
	if len(got) > plotWidth+1 {
		t.Errorf("%d levels are drawn, want one for each pixel", len(got))
	}
	for i, l := range got {
		if l.n > 8 {
			t.Errorf("level %d is %d, want the lowest within its pixel", i, l.n)
			break
		}
	}
	rec.available = rec.available[:20]
	if got := len(p.visible()); got != 20 {
		t.Errorf("%d of 20 levels are drawn, want all where there is room", got)
	}
}

func TestFailures(t *testing.T) {
	settled := clusterYAML(t, 2, 1)
	for _, tc := range []struct {
		name, why, stdin string
		args             []string
		status           int
		want             string // of standard error
	}{
		{"no file", "named", "", []string{"-f", "nowhere.yaml"}, 1, "timeline: open nowhere.yaml: " + syscall.ENOENT.Error() + "\n"},
		{"wrong field", "with document and field", "apiVersion: v1\nkind: Node\nmetadata: {nam: a}\n", []string{"-f", "-"}, 1, "timeline: standard input:3: document 1: metadata.nam: unknown field\n"},
		{"no DaemonSet", "nothing to draw", "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n", []string{"-f", "-"}, 1, "timeline: no DaemonSet in the input\n"},
		{"no nodes", "nowhere to roll out", "", []string{"-f", "../quickstart/lesson/daemonset.yaml"}, 1, "timeline: no nodes in the input\n"},
		{"at rest", "said, with what to do", settled, []string{"-f", "-"}, 1,
			"timeline: kube-system/agent is at rest, nothing rolls out: all of its pods are available and of the current template; -image IMAGE draws an update\n"},
		{"same image", "a change that changes nothing", settled, []string{"-f", "-", "-image", builtInOldImage}, 1,
			"timeline: kube-system/agent is at rest, nothing rolls out: all of its pods are available and of the current template; -image IMAGE draws an update\n"},
		{"container", "misspelt", settled, []string{"-f", "-", "-image", "x=y"}, 1, "timeline: -image x=y: no container x, but agent\n"},
		{"both budgets", "the API server refuses that, too", "", []string{"-max-surge", "1", "-max-unavailable", "1"}, 1,
			"timeline: DaemonSet kube-system/agent: spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero; set maxUnavailable: 0, its default is 1\n"},
		{"which DaemonSet", "never the first one silently", settled, []string{"-f", "-", "-f", "../quickstart/lesson/daemonset.yaml"}, 1,
			"timeline: 2 DaemonSets in the input, choose one with -set: default/nginx-deploy, kube-system/agent\n"},
		{"refused manifest", "a stored DaemonSet cannot become it", "", []string{"-f", "../quickstart/testdata/rollout.yaml", "-f", "../quickstart/testdata/refused.yaml"}, 1,
			"timeline: passed over in ../quickstart/testdata/rollout.yaml: v1 Service (1)\n" +
				"timeline: ../quickstart/testdata/refused.yaml:8: document 1: spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"logs\"}}: field is immutable\n"},
		{"other DaemonSet", "named, with those that there are", settled, []string{"-f", "-", "-set", "a/b"}, 1, "timeline: no DaemonSet a/b in the input, but kube-system/agent\n"},
		{"no pods", "not all missing", "", []string{"-f", "testdata/no-pods.yaml"}, 1, "timeline: default/a: no pods in the input, but 1 in the status\n"},
		{"nowhere wanted", "nothing to draw", "", []string{"-f", "testdata/nowhere.yaml"}, 1, "timeline: default/a: no node of the input runs it\n"},
		{"node", "misspelt", "", []string{"-never-ready", "node"}, 1, "timeline: -never-ready node: there is no such node\n"},
		{"canaries", "none is no canary", "", []string{"-canary", "0"}, 1, ""},
		{"output", "no such folder", "", []string{"-o", filepath.Join("nowhere", "x.svg")}, 1, "timeline: open " + filepath.Join("nowhere", "x.svg") + ": " + syscall.ENOENT.Error() + "\n"},
		{"forgotten -f", "not silently the built-in cluster", "", []string{"ds.yaml"}, 1, "timeline: ds.yaml: unexpected argument; use -f FILE\n"},
		{"time without file", "it would have no effect", "", []string{"-now", "2026-01-02T15:04:05Z"}, 1, "timeline: -now requires -f: the built-in cluster has a clock of its own\n"},
		{"wait without canary", "it would have no effect", "", []string{"-canary-wait", "1m"}, 1, "timeline: -canary-wait requires -canary\n"},
		{"set without file", "there is only one", "", []string{"-set", "a/b"}, 1, "timeline: -set requires -f\n"},
		{"set without namespace", "the name is enough, as for the quickstart", settled, []string{"-f", "-", "-f", "../quickstart/lesson/daemonset.yaml", "-set", "agent"}, 1,
			"timeline: kube-system/agent is at rest, nothing rolls out: all of its pods are available and of the current template; -image IMAGE draws an update\n"},
		{"ready at once", "not the same as never or the default", "", []string{"-ready-after", "0s"}, 1, "timeline: -ready-after has to be above zero; -never-ready names nodes on which pods never are\n"},
		{"ends before", "cannot be", "", []string{"-termination", "-1s"}, 1, "timeline: -termination has to be above zero\n"},
		{"budget", "not a number", "", []string{"-max-surge", "some"}, 1, ""},
		{"negative budget", "not a budget", "", []string{"-max-unavailable", "-1"}, 1, ""},
		{"time", "not a time", settled, []string{"-f", "-", "-now", "noon"}, 1, "timeline: -now noon: want a time such as 2026-01-02T15:04:05Z\n"},
		{"no such flag", "not ignored", "", []string{"-x"}, 1, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, stdout, stderr := command(tc.stdin, tc.args...)
			if status != tc.status || stdout != "" || stderr == "" || tc.want != "" && stderr != tc.want {
				t.Errorf("run(%q) = %d, %d bytes, stderr\n%swant %d, none,\n%s%s", tc.args, status, len(stdout), stderr, tc.status, tc.want, tc.why)
			}
		})
	}
	help := strings.Join(strings.Fields(usage), " ")
	if rule := exitStatusRule(t, "main.go"); !strings.Contains(help, rule) {
		t.Errorf("-h says %q, want in it what the package comment says: %q", help, rule)
	}
	if status, _, stderr := command("", "-h"); status != 0 || !strings.Contains(stderr, "-by-zone") || !strings.HasPrefix(stderr, "Draws a rollout") {
		t.Errorf("run(-h) = %d, stderr %q, want 0 and what it is for", status, stderr)
	}
}

func TestOutputFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.svg")
	if out := drawn(t, "", "-o", file); out != "" {
		t.Errorf("%d bytes on standard output, want none with -o", len(out))
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if want := drawn(t, ""); string(got) != want {
		t.Errorf("-o writes %d bytes, want the %d of standard output", len(got), len(want))
	}
	var errs bytes.Buffer
	if status := run(nil, strings.NewReader(""), fullDisk{}, &errs, testNow); status != 1 || errs.String() != "timeline: disk full\n" {
		t.Errorf("run on a full disk = %d, stderr %q, want 1 and why", status, errs.String())
	}
}

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestTicks(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		horizon   time.Duration
		want      string
	}{
		{"a second", "milliseconds, rather than seconds with a fraction", time.Second, "0, 200 ms, 400 ms, 600 ms, 800 ms, 1000 ms"},
		{"a minute", "seconds", time.Minute, "0, 10 s, 20 s, 30 s, 40 s, 50 s, 60 s"},
		{"two minutes", "the last in seconds", 2 * time.Minute, "0, 30 s, 60 s, 90 s, 120 s"},
		{"more", "minutes, and half ones", 2*time.Minute + 31*time.Second, "0, 0:30 min, 1:00 min, 1:30 min, 2:00 min, 2:30 min"},
		{"half an hour", "whole minutes", 30 * time.Minute, "0, 5 min, 10 min, 15 min, 20 min, 25 min, 30 min"},
		{"hours", "half hours", 3 * time.Hour, "0, 0:30 h, 1:00 h, 1:30 h, 2:00 h, 2:30 h, 3:00 h"},
		{"days", "whole days", 60 * time.Hour, "0, 12 h, 24 h, 36 h, 48 h, 60 h"},
		{"months", "beyond the table", 100 * day, "0, 20 d, 40 d, 60 d, 80 d, 100 d"},
	} {
		at, step := ticks(tc.horizon)
		var got []string
		for _, tick := range at {
			got = append(got, tickLabel(tick, step, tc.horizon))
		}
		if got := strings.Join(got, ", "); got != tc.want {
			t.Errorf("%s: ticks(%v) = %s, want %s: %s", tc.name, tc.horizon, got, tc.want, tc.why)
		}
	}
}

func TestSpell(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 250 * time.Millisecond: "250 ms", 2500 * time.Millisecond: "2 s 500 ms", time.Minute: "1 min",
		61*time.Second + time.Millisecond: "1 min 1 s", time.Hour + time.Second: "1 h", 16*time.Hour + 40*time.Minute: "16 h 40 min", 50 * time.Hour: "2 d 2 h",
	} {
		if got := spell(d); got != want {
			t.Errorf("spell(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestFitting(t *testing.T) {
	const long = "a-very-long-name-of-a-node-that-does-not-fit"
	if got := shorten(long, 10, 100); textWidth(got, 10) > 100 || !strings.HasPrefix(got, "a-very") || !strings.HasSuffix(got, "not-fit") {
		t.Errorf("shorten(%q) = %q, want both ends of it in 100 pixels", long, got)
	}
	if got := shorten("short", 10, 100); got != "short" {
		t.Errorf("shorten(short) = %q, want it as it is", got)
	}
	if diff := cmp.Diff([]string{"aa bb", "cc"}, wrap([]string{"aa", "bb", "cc"}, " ", 10, textWidth("aa bb", 10))); diff != "" {
		t.Errorf("wrap (-want +got):\n%s", diff)
	}
}

// Names from files must not break the picture.
func TestEscape(t *testing.T) {
	if got, want := escape("a<b>&\"c\"\x01\n"), "a&lt;b&gt;&amp;&#34;c&#34;\uFFFD&#xA;"; got != want {
		t.Errorf("escape = %q, want %q", got, want)
	}
}

// exitStatusRule returns the paragraph about the exit status of a package comment.
func exitStatusRule(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rule, found := strings.Cut(string(text), "\n// The exit status is ")
	rule, _, ends := strings.Cut(rule, "\n//\n")
	if !found || !ends {
		t.Fatalf("%s has no paragraph about the exit status", file)
	}
	return "The exit status is " + strings.Join(strings.Fields(strings.ReplaceAll(rule, "\n//", " ")), " ")
}

// Without zones -by-zone restricts nothing, and that is said.
func TestNoZones(t *testing.T) {
	status, _, stderr := command("", "-f", "../quickstart/testdata/rollout.yaml", "-now", "2026-01-01T10:00:00Z", "-by-zone")
	const want = "no eligible node has a value for the label topology.kubernetes.io/zone: all nodes are one domain"
	if status != 0 || !strings.Contains(stderr, want) {
		t.Errorf("run() = %d, stderr %q, want 0 and %q in it", status, stderr, want)
	}
	if _, _, stderr := command("", "-by-zone"); stderr != "" {
		t.Errorf("with zones, stderr is %q, want nothing", stderr)
	}
}
