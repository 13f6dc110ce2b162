package daemon

import (
	"encoding/binary"
	"hash/fnv"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/dump"
	"k8s.io/apimachinery/pkg/util/rand"
)

// TemplateHash returns the hash that the controller gives to a new
// ControllerRevision of the template, as part of its name and as its label
// controller-revision-hash: FNV-1a (32 bits) over a dump of the Go value, followed by the
// collision count if it is set (ComputeHash@v1.37.2). The result is up to ten characters
// that may stand in names and labels.
//
// collisionCount is status.collisionCount of the DaemonSet; nil and 0 give
// different hashes. A nil template is an empty one. Neither is changed.
//
// It is the hash of a new revision. For the revision that a cluster uses see
// Snapshot.RevisionHash. The hash covers every field of the API
// version that is compiled in, so that an upgrade changes it although the template stays
// the same. It differs between templates that the API treats as equal: between nil and
// empty maps or lists, and between a parsed and a computed quantity.
func TemplateHash(template *corev1.PodTemplateSpec, collisionCount *int32) string {
	if template == nil {
		template = &corev1.PodTemplateSpec{}
	}
	hasher := fnv.New32a()
	// Upstream dumps the value; a pointer would be part of the dump.
	//lint:ignore SA1019 what replaces it lives in k8s.io/utils, which would be one more direct requirement
	hasher.Write([]byte(dump.ForHash(*template)))
	if collisionCount != nil {
		// The upper half of the eight bytes stays zero.
		var count [8]byte
		binary.LittleEndian.PutUint32(count[:], uint32(*collisionCount))
		hasher.Write(count[:])
	}
	return rand.SafeEncodeString(strconv.FormatUint(uint64(hasher.Sum32()), 10))
}
