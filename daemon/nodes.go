package daemon

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/placement"
)

// decideNodes returns the nodes with the decision about each, ordered by name,
// and an index of the names.
func decideNodes(nodes []*corev1.Node, matcher *placement.Matcher) ([]NodeState, *nameIndex, error) {
	path := field.NewPath("nodes")
	out := make([]NodeState, len(nodes), len(nodes)+4)
	index := &nameIndex{}
	for i, node := range nodes {
		if node == nil {
			return nil, nil, field.Required(path.Index(i), "")
		}
		if node.Name == "" {
			return nil, nil, field.Required(path.Index(i).Child("metadata", "name"), "")
		}
		out[i].Name, out[i].Node = node.Name, node
	}
	for i := range out {
		out[i].Decision = matcher.Decide(out[i].Node)
	}
	for i := range out {
		if i == 0 {
			index.prefix = out[i].Name
		}
		index.prefix = commonPrefix(index.prefix, out[i].Name)
	}
	order := index.order(out)
	for i := 1; i < len(order); i++ {
		if order[i].key == order[i-1].key && out[order[i].at].Name == out[order[i-1].at].Name {
			at := int(order[i].at)
			return nil, nil, field.Duplicate(path.Index(at).Child("metadata", "name"), out[at].Name)
		}
	}
	index.build(order)
	permute(out, order)
	return out, index, nil
}

// nameIndex finds a node by its name. It is a hash table made for node names: they share
// a prefix and differ soon after it, so that the eight bytes behind the prefix distinguish
// nearly all of them without reading the names themselves, which lie scattered in memory.
// With a map and slices.SortFunc in its place, BenchmarkSync/settled/15000 takes 12.5 ms
// instead of 10.6 ms, and in random order, as informers list nodes, 14.0 ms instead of
// 10.1 ms (one run).
type nameIndex struct {
	prefix string
	keys   []uint64 // of the nodes, in their order
	table  []int32  // position of a node plus one, zero for none
	shift  int
}

// nodeKey is the key of a node and its position in the input.
type nodeKey struct {
	key uint64
	at  int32
}

// order returns the nodes ordered by name, then by position.
func (x *nameIndex) order(nodes []NodeState) []nodeKey {
	order := make([]nodeKey, len(nodes))
	for i := range nodes {
		order[i] = nodeKey{leadingBytes(nodes[i].Name[len(x.prefix):]), int32(i)}
	}
	order = radixSort(order)
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && order[to].key == order[from].key {
			to++
		}
		if to-from > 1 {
			slices.SortFunc(order[from:to], func(a, b nodeKey) int {
				return cmp.Or(strings.Compare(nodes[a.at].Name, nodes[b.at].Name), cmp.Compare(a.at, b.at))
			})
		}
		from = to
	}
	return order
}

// build fills the table for nodes in the given order.
func (x *nameIndex) build(order []nodeKey) {
	x.keys = make([]uint64, len(order))
	size := bits.Len(uint(2 * len(order)))
	x.shift = 64 - size
	x.table = make([]int32, 1<<size)
	for i := range order {
		key := order[i].key
		x.keys[i] = key
		slot := x.slot(key)
		for x.table[slot] != 0 {
			slot = (slot + 1) & (len(x.table) - 1)
		}
		x.table[slot] = int32(i) + 1
	}
}

// slot is Fibonacci hashing.
func (x *nameIndex) slot(key uint64) int { return int(key * 0x9E3779B97F4A7C15 >> x.shift) }

// find returns the position of the node with the given name, or -1.
func (x *nameIndex) find(nodes []NodeState, name string) int {
	if !strings.HasPrefix(name, x.prefix) {
		return -1
	}
	rest := name[len(x.prefix):]
	key := leadingBytes(rest)
	for slot := x.slot(key); x.table[slot] != 0; slot = (slot + 1) & (len(x.table) - 1) {
		at := int(x.table[slot]) - 1
		if x.keys[at] == key && len(nodes[at].Name) == len(name) && (len(rest) <= 8 || nodes[at].Name == name) {
			return at
		}
	}
	return -1
}

// radixSort sorts by key and keeps the order of equal keys. It may use the
// argument up.
func radixSort(in []nodeKey) []nodeKey {
	var differ uint64
	for i := range in {
		differ |= in[i].key ^ in[0].key
	}
	out := make([]nodeKey, len(in))
	for shift := 0; shift < 64; shift += 8 {
		if differ>>shift&0xff == 0 {
			continue
		}
		var start [257]int
		for i := range in {
			start[in[i].key>>shift&0xff+1]++
		}
		for b := 1; b < len(start); b++ {
			start[b] += start[b-1]
		}
		for i := range in {
			b := in[i].key >> shift & 0xff
			out[start[b]] = in[i]
			start[b]++
		}
		in, out = out, in
	}
	return in
}

// permute puts nodes[order[i].at] at i, for every i, in place. It uses order up.
func permute(nodes []NodeState, order []nodeKey) {
	for start := range order {
		if order[start].at < 0 {
			continue
		}
		first := nodes[start]
		for at := int32(start); ; {
			from := order[at].at
			order[at].at = -1
			if from == int32(start) {
				nodes[at] = first
				break
			}
			nodes[at] = nodes[from]
			at = from
		}
	}
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
