package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

// nodeNames are the names of so many nodes.
func nodeNames(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("n%04d", i)
	}
	return out
}

// waitFor waits for the pods of a namespace.
func waitFor(t *testing.T, log *Log, patience time.Duration, until func(State) string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		missing := until(log.State())
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v: %s", patience, missing)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// allRun is met when each of so many nodes has one pod, which runs the image and is ready, and there is
// no other pod.
func allRun(nodes int, image string) func(State) string {
	return func(s State) string {
		on := map[string]bool{}
		for _, p := range s.Pods {
			if Ready(p) && p.DeletionTimestamp == nil && p.Spec.Containers[0].Image == image {
				on[p.Spec.NodeName] = true
			}
		}
		if len(on) != nodes || len(s.Pods) != nodes {
			return fmt.Sprintf("%d nodes run %s, with %d pods in all, want %d", len(on), image, len(s.Pods), nodes)
		}
		return ""
	}
}

// TestKilled kills the controller again and again during the rollouts of 200 nodes.
func TestKilled(t *testing.T) {
	const kills, nodes, budget = 20, 200, 10
	start(t)
	ctx := t.Context()
	s := &side{name: "library", controller: Library, owners: ownersOf(Library), namespace: newNamespace(ctx, t, "killed")}
	t.Cleanup(func() { sweep(t, s) })
	addNodes(t, nodeNames(nodes)...)
	log, err := world.Follow(ctx, s.namespace)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.owners.Create(ctx, withBudget(newDaemonSet(s.namespace), fmt.Sprint(budget), "0"), nil); err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	process := func() *Process {
		p, err := StartProcess(s.controller, world.Config, s.namespace)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := process()
	waitFor(t, log, 2*patience, allRun(nodes, v1))
	finish(t, s, nodes, v1)
	log.Hold(Promise{Owner: name, Nodes: nodeNames(nodes), MaxUnavailable: budget})
	// Slow enough that a rollout outlives some controllers.
	world.kubelets.SetReadyAfter(300 * time.Millisecond)
	defer world.kubelets.SetReadyAfter(quickly)
	image, version, killed := v1, 1, 0
	for killed < kills {
		if allRun(nodes, image)(log.State()) == "" {
			version++
			image = fmt.Sprint(ImageRuns, version)
			if err := s.owners.Update(ctx, s.namespace, name, imageOf(image), nil); err != nil {
				t.Fatal(err)
			}
		}
		// At a random moment from when the controller begins to write.
		before := log.State().Writes
		waitFor(t, log, patience, func(now State) string {
			if now.Writes == before {
				return "the controller writes nothing"
			}
			return ""
		})
		time.Sleep(time.Duration(random.Int64N(int64(800 * time.Millisecond))))
		if err := p.Kill(); err != nil {
			t.Fatal(err)
		}
		if allRun(nodes, image)(log.State()) != "" {
			killed++
		}
		p = process()
	}
	waitFor(t, log, 2*patience, allRun(nodes, image))
	report(t, s.name, log)
	finish(t, s, nodes, image)
	cost, err := p.Stop()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d kills in the middle of %d rollouts of %d nodes; the last controller took %v and %d writes",
		killed, version-1, nodes, cost.CPU.Round(time.Millisecond), cost.Requests.Writes())
}

// finish waits until the owner says that all is done, and looks for what is left over.
func finish(t *testing.T, s *side, nodes int, image string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		o, err := Read(t.Context(), world.Client, s.owners, s.namespace, name)
		if err != nil {
			t.Fatal(err)
		}
		missing := runs(nodes, image)(o)
		// Ten old ones are the default.
		if limit := 11; missing == "" && len(o.Revisions) > limit {
			missing = fmt.Sprintf("%d revisions, want at most %d", len(o.Revisions), limit)
		}
		hashes := map[int64]bool{}
		for _, r := range o.Revisions {
			if missing == "" && hashes[r.Revision] {
				missing = fmt.Sprintf("two revisions %d", r.Revision)
			}
			hashes[r.Revision] = true
		}
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: after %v: %s", s.name, patience, missing)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// TestAPIServerCrash kills the API server in the middle of rollouts, and starts it again.
func TestAPIServerCrash(t *testing.T) {
	const nodes, budget = 40, 4
	tr := newTrial(t, Library)
	addNodes(t, nodeNames(nodes)...)
	tr.each(func(s *side) error {
		return s.owners.Create(tr.ctx, withBudget(newDaemonSet(s.namespace), fmt.Sprint(budget), "0"), nil)
	})
	tr.settle("create", runs(nodes, v1))
	end := tr.hold(Promise{Owner: name, Nodes: nodeNames(nodes), MaxUnavailable: budget})
	world.kubelets.SetReadyAfter(200 * time.Millisecond)
	defer world.kubelets.SetReadyAfter(quickly)
	tr.change(imageOf(v2))
	for range 2 {
		time.Sleep(700 * time.Millisecond)
		world.CrashAPIServer()
		time.Sleep(500 * time.Millisecond)
		tr.must(world.RestartAPIServer())
	}
	// Watches that were cut off wait for up to half a minute before they try again.
	tr.patience = 3 * patience
	tr.wait("update", runs(nodes, v2), func(a, b *Objects) string {
		// Whether a write was on its way, and which event was lost, is chance.
		a.Events, b.Events = nil, nil
		return tr.diff(a, b)
	})
	end()
}

// TestFaults lets writes fail and news come late, for each controller by itself.
func TestFaults(t *testing.T) {
	const nodes, budget = 40, 4
	for _, c := range []Controller{Upstream, Library} {
		for _, f := range []struct {
			name string
			rate float64
			lag  time.Duration
		}{
			{"writes fail", 0.3, 0},
			{"news come late", 0, 400 * time.Millisecond},
			{"both", 0.3, 200 * time.Millisecond},
		} {
			t.Run(f.name+"/"+c.Name, func(t *testing.T) {
				start(t)
				ctx := t.Context()
				faults := NewFaults(uint64(time.Now().UnixNano()))
				faults.Rate, faults.Lag = f.rate, f.lag
				s := &side{name: c.Name, owners: ownersOf(Library), namespace: newNamespace(ctx, t, "faults")}
				t.Cleanup(func() { sweep(t, s) })
				addNodes(t, nodeNames(nodes)...)
				log, err := world.Follow(ctx, s.namespace)
				if err != nil {
					t.Fatal(err)
				}
				cfg := rest.CopyConfig(world.Config)
				cfg.Wrap(faults.Wrap)
				stop := c.Start(context.WithoutCancel(ctx), cfg, s.namespace)
				defer func() {
					if err := stop(); err != nil {
						t.Error(err)
					}
				}()
				if err := s.owners.Create(ctx, withBudget(newDaemonSet(s.namespace), fmt.Sprint(budget), "0"), nil); err != nil {
					t.Fatal(err)
				}
				// Creations count from the start: no node may get two pods.
				log.Hold(Promise{Owner: name, MaxSurge: 0})
				waitFor(t, log, 2*patience, allRun(nodes, v1))
				// Until the controller knows that the pods are ready: outdated pods that it does not know to
				// be available are replaced regardless of the budget (rollingUpdate@v1.37.2).
				finish(t, s, nodes, v1)
				log.Hold(Promise{Owner: name, Nodes: nodeNames(nodes), MaxUnavailable: budget})
				for _, image := range []string{v2, v3} {
					if err := s.owners.Update(ctx, s.namespace, name, imageOf(image), nil); err != nil {
						t.Fatal(err)
					}
					waitFor(t, log, 4*patience, allRun(nodes, image))
				}
				if c.Name == Upstream.Name {
					// What is promised is the library's; upstream is beside it to see what it does.
					broken, _ := log.Free()
					t.Logf("broken %d times, first: %v", len(broken), broken[:min(1, len(broken))])
				}
				report(t, c.Name, log)
				finish(t, s, nodes, v3)
				writes, news := faults.Hits()
				t.Logf("failed writes: %v, late news: %d", writes, news)
				if f.rate > 0 && len(writes) != int(TimeoutAfter) {
					t.Errorf("faults = %v, want each kind at least once", writes)
				}
				if f.lag > 0 && news == 0 {
					t.Error("no news were late")
				}
			})
		}
	}
}
