package e2e

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var (
	loadNodes = flag.Int("load-nodes", 200, "nodes of the load test")
	loadSets  = flag.Int("load-sets", 5, "DaemonSets of the load test")
)

// TestLoad rolls many DaemonSets on many nodes at once, with upstream's controller and then, on the
// same objects, with the library's, and compares what both cost.
func TestLoad(t *testing.T) {
	start(t)
	ctx := t.Context()
	namespace := newNamespace(ctx, t, "load")
	s := &side{namespace: namespace, owners: ownersOf(Library)}
	names := make([]string, *loadSets)
	for i := range names {
		names[i] = fmt.Sprintf("%s-%02d", name, i)
	}
	t.Cleanup(func() {
		for _, n := range names {
			_ = s.owners.Delete(context.Background(), namespace, n, metav1.DeletePropagationOrphan)
		}
		sweep(t, s)
	})
	world.kubelets.SetReadyAfter(0)
	defer world.kubelets.SetReadyAfter(quickly)
	parallel(nodeNames(*loadNodes), func(n string) { addNodes(t, n) })
	for _, n := range names {
		ds := withBudget(newDaemonSet(namespace), "100%", "0")
		ds.Name = n
		ds.Spec.Selector.MatchLabels["app"], ds.Spec.Template.Labels["app"] = n, n
		// A pod that ends at once saves the API server a write, which is the kubelet's.
		ds.Spec.Template.Spec.TerminationGracePeriodSeconds = new(int64(0))
		if err := s.owners.Create(ctx, ds, nil); err != nil {
			t.Fatal(err)
		}
	}
	roll := func(c Controller, image string) (Cost, time.Duration) {
		began := time.Now()
		p, err := StartProcess(c, world.Config, namespace)
		if err != nil {
			t.Fatal(err)
		}
		if image != "" {
			for _, n := range names {
				if err := s.owners.Update(ctx, namespace, n, imageOf(image), nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		for !rolled(t, namespace) {
			time.Sleep(time.Second)
		}
		took := time.Since(began)
		time.Sleep(2 * time.Second) // what comes after the end counts too
		cost, err := p.Stop()
		if err != nil {
			t.Fatal(err)
		}
		return cost, took
	}
	cost, took := roll(Upstream, "")
	t.Logf("upstream's creation: %v, CPU %v", took.Round(time.Second), cost.CPU.Round(time.Millisecond))
	pods := *loadNodes * *loadSets
	costs := map[string]Cost{}
	for i, c := range []Controller{Upstream, Library} {
		// A controller that has nothing to do costs its start and its caches.
		idle, _ := roll(c, "")
		cost, took := roll(c, fmt.Sprint(ImageRuns, 2+i))
		cost.CPU -= idle.CPU
		costs[c.Name] = cost
		t.Logf("%s: %v, CPU %v more than the %v of an idle one, %d writes, %.2f per pod", c.Name, took.Round(time.Second),
			cost.CPU.Round(time.Millisecond), idle.CPU.Round(time.Millisecond), cost.Requests.Writes(), float64(cost.Requests.Writes())/float64(pods))
		for _, what := range slices.Sorted(maps.Keys(cost.Requests)) {
			t.Logf("%s: %6d %s", c.Name, cost.Requests[what], what)
		}
		if w := idle.Requests.Writes(); w > 0 {
			t.Errorf("%s: %d writes with nothing to do: %v", c.Name, w, idle.Requests)
		}
	}
	up, lib := costs[Upstream.Name], costs[Library.Name]
	if lib.Requests.Writes() > up.Requests.Writes() {
		t.Errorf("the library needs %d writes, upstream %d", lib.Requests.Writes(), up.Requests.Writes())
	}
	if lib.CPU >= up.CPU {
		t.Errorf("the library needs %v of CPU, upstream %v", lib.CPU, up.CPU)
	}
}

// rolled says whether all DaemonSets have their pods of the current revision.
func rolled(t *testing.T, namespace string) bool {
	sets, err := world.Client.AppsV1().DaemonSets(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return !slices.ContainsFunc(sets.Items, func(ds appsv1.DaemonSet) bool {
		st := ds.Status
		return st.ObservedGeneration != ds.Generation || st.UpdatedNumberScheduled != int32(*loadNodes) || st.NumberAvailable != int32(*loadNodes)
	})
}

// parallel does something for several values at a time.
func parallel(values []string, do func(string)) {
	var wg sync.WaitGroup
	for part := range slices.Chunk(values, max(1, len(values)/8)) {
		wg.Go(func() {
			for _, v := range part {
				do(v)
			}
		})
	}
	wg.Wait()
}
