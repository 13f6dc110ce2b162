package daemon

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/placement"
)

// decideNodes returns the nodes with the decision about each, ordered by name.
func decideNodes(nodes []*corev1.Node, matcher *placement.Matcher) ([]NodeState, error) {
	path := field.NewPath("nodes")
	names := make([]string, len(nodes)) // They lie side by side here, and the nodes do not.
	prefix := ""
	for i, node := range nodes {
		switch {
		case node == nil:
			return nil, field.Required(path.Index(i), "")
		case node.Name == "":
			return nil, field.Required(path.Index(i).Child("metadata", "name"), "")
		case i == 0:
			prefix = node.Name
		default:
			prefix = commonPrefix(prefix, node.Name)
		}
		names[i] = node.Name
	}
	out := make([]NodeState, len(nodes), len(nodes)+4) // room for a few nodes that do not exist
	order := sortedByName(names, len(prefix))
	for i, from := range order {
		name := names[from.at]
		if i > 0 && order[i-1].key == from.key && out[i-1].Name == name {
			return nil, field.Duplicate(path.Index(int(from.at)).Child("metadata", "name"), name)
		}
		out[i].Name, out[i].Node = name, nodes[from.at]
	}
	for i := range out {
		out[i].Decision = matcher.Decide(out[i].Node)
	}
	return out, nil
}

// nodeKey is the beginning of a node's name, behind what all names share, and the node's
// position in the input.
type nodeKey struct {
	key uint64
	at  int32
}

// sortedByName returns the order of the names; equal names keep their order. It
// compares eight bytes of each name first, which lie side by side; the names themselves lie
// scattered in memory. shared is the length of the prefix that all names share.
func sortedByName(names []string, shared int) []nodeKey {
	order := make([]nodeKey, len(names))
	for i, name := range names {
		order[i] = nodeKey{leadingBytes(name[shared:]), int32(i)}
	}
	order = radixSort(order)
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && order[to].key == order[from].key {
			to++
		}
		if to-from > 1 {
			slices.SortFunc(order[from:to], func(a, b nodeKey) int {
				return cmp.Or(strings.Compare(names[a.at], names[b.at]), cmp.Compare(a.at, b.at))
			})
		}
		from = to
	}
	return order
}

// radixSort sorts by key, and keeps the order of equal keys. It may
// overwrite the argument. With slices.SortFunc in its place BenchmarkSync/settled/15000
// takes 1.1 to 1.3 times as long.
func radixSort(keys []nodeKey) []nodeKey {
	var differ uint64
	sorted := true
	for i := range keys {
		differ |= keys[i].key ^ keys[0].key
		sorted = sorted && (i == 0 || keys[i-1].key <= keys[i].key)
	}
	if sorted {
		return keys
	}
	other := make([]nodeKey, len(keys))
	for shift := 0; shift < 64; shift += 8 {
		if differ>>shift&0xff == 0 {
			continue
		}
		var start [257]int
		for i := range keys {
			start[keys[i].key>>shift&0xff+1]++
		}
		for b := 1; b < len(start); b++ {
			start[b] += start[b-1]
		}
		for i := range keys {
			b := keys[i].key >> shift & 0xff
			other[start[b]] = keys[i]
			start[b]++
		}
		keys, other = other, keys
	}
	return keys
}

func commonPrefix(a, b string) string {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return a[:i]
		}
	}
	return a[:n]
}

// leadingBytes returns the first eight bytes of s, padded with zeros, as a
// number that orders as the bytes do.
func leadingBytes(s string) uint64 {
	if len(s) >= 8 {
		return binary.BigEndian.Uint64([]byte(s[:8]))
	}
	var buf [8]byte
	copy(buf[:], s)
	return binary.BigEndian.Uint64(buf[:])
}

// nodeTable finds nodes by name. It hashes whole names with a random seed, so that no set
// of names is slow; the seed has no effect on results. With Go's map in its place
// BenchmarkSync/settled/15000 takes 1.6 times as long, and settled-shuffled 1.3 times (one
// run).
type nodeTable struct {
	nodes []NodeState
	seed  maphash.Seed
	// slots hold the position of a node plus one in their lower bits, and the lower bits
	// of the hash in the others. The upper bits of the hash choose the slot.
	slots    []uint32
	shift    int
	position uint32 // mask of the lower bits
}

func newNodeTable(nodes []NodeState) *nodeTable {
	n := len(nodes)
	size := bits.Len(uint(2 * n))
	t := &nodeTable{nodes: nodes, seed: maphash.MakeSeed(), slots: make([]uint32, 1<<size), shift: 64 - size, position: 1<<bits.Len(uint(n)) - 1}
	for i := range nodes {
		hash := t.hash(nodes[i].Name)
		slot := hash >> t.shift
		for t.slots[slot] != 0 {
			slot = (slot + 1) & uint64(len(t.slots)-1)
		}
		t.slots[slot] = uint32(hash)&^t.position | uint32(i+1)
	}
	return t
}

func (t *nodeTable) hash(name string) uint64 { return maphash.String(t.seed, name) }

// find returns the position of a node, given the hash of its name, or -1.
func (t *nodeTable) find(hash uint64, name string) int {
	for slot := hash >> t.shift; t.slots[slot] != 0; slot = (slot + 1) & uint64(len(t.slots)-1) {
		found := t.slots[slot]
		if at := int(found&t.position) - 1; (found^uint32(hash))&^t.position == 0 && t.nodes[at].Name == name {
			return at
		}
	}
	return -1
}
