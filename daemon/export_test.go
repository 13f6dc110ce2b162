package daemon

import (
	"reflect"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/placement"
)

// KeptSizes returns the size of each look-up table of a snapshot, by field.
func KeptSizes(s *Snapshot) map[string]int {
	sizes := map[string]int{}
	kept := reflect.ValueOf(s.kept).Elem()
	for i := range kept.NumField() {
		if f := kept.Field(i); f.Kind() == reflect.Map || f.Kind() == reflect.Slice {
			sizes[kept.Type().Field(i).Name] = f.Len()
		}
	}
	return sizes
}

// PodsRead returns how many pods all updates of a snapshot have read in lists of nodes.
func PodsRead(s *Snapshot) int { return s.kept.read }

// RevisionsCompared returns how many names of revisions were compared.
func RevisionsCompared(s *Snapshot) int { return s.revisions.compared }

// SlotsRead returns how many slots of the hash table have to be read to find each node
// once.
func SlotsRead(nodes []*corev1.Node) (int, error) {
	states, err := decideNodes(nodes, placement.Compile(nil, placement.Options{}))
	if err != nil {
		return 0, err
	}
	table := newNodeTable(states)
	read := 0
	for _, node := range nodes {
		slot := table.hash(node.Name) >> table.shift
		for {
			read++
			if at := int(table.slots[slot]&table.position) - 1; at >= 0 && states[at].Name == node.Name {
				break
			}
			slot = (slot + 1) & uint64(len(table.slots)-1)
		}
	}
	return read, nil
}

// Repeated returns the lowest position whose name stands at a lower one too, or -1, and how many
// names it has read. Empty names are not compared.
func Repeated(names []string) (first, read int) {
	h := newNameHashes(len(names))
	for i, name := range names {
		if name != "" {
			h.set(i, name)
		}
	}
	first = h.repeated(func(at int) string { read++; return names[at] })
	return first, read
}
