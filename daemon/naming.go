package daemon

import (
	"cmp"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Naming holds the names by which a controller ties pods and ControllerRevisions to
// revisions of a template. The zero value is upstream's. A controller of another resource
// sets names of its own to keep its objects apart from those of DaemonSets. Keep the labels
// for as long as there are pods or revisions: under another hash label all pods are outdated,
// and the name of a revision, which may be too long for a label, takes the place of its hash.
type Naming struct {
	// RevisionHashLabel is the key of the label that holds the hash of a revision, on pods
	// and on revisions. Empty means controller-revision-hash.
	RevisionHashLabel string `json:"revisionHashLabel,omitempty"`
	// TemplateGenerationLabel is the key of the deprecated label that tied pods to a template
	// before ControllerRevisions existed. Empty means pod-template-generation. It has an effect
	// only if the DaemonSet has the annotation deprecated.daemonset.template.generation.
	TemplateGenerationLabel string `json:"templateGenerationLabel,omitempty"`
	// RevisionNamePrefix precedes the names of new revisions, which are otherwise
	// <name>-<hash>. Revisions that have other names stay in use.
	RevisionNamePrefix string `json:"revisionNamePrefix,omitempty"`
}

// templateGenerationLabel is upstream's deprecated label (DaemonSetTemplateGenerationKey of
// k8s.io/api/extensions/v1beta1).
const templateGenerationLabel = "pod-template-generation"

// WithDefaults returns the naming with upstream's names in place of empty labels.
func (n Naming) WithDefaults() Naming {
	n.RevisionHashLabel = cmp.Or(n.RevisionHashLabel, appsv1.DefaultDaemonSetUniqueLabelKey)
	n.TemplateGenerationLabel = cmp.Or(n.TemplateGenerationLabel, templateGenerationLabel)
	return n
}

// RevisionName returns the name of a new revision: the prefix, the name of the DaemonSet, a
// hyphen and the hash (snapshot@v1.37.2).
func (n Naming) RevisionName(daemonSet, hash string) string {
	return n.RevisionNamePrefix + daemonSet + "-" + hash
}

// check refuses names that the API server refuses. The labels have their defaults. An error names the
// DaemonSet only if the prefix is wrong for that one: the naming may be that of many.
func (n Naming) check(daemonSet string) error {
	path := field.NewPath("naming")
	for _, label := range []struct{ field, key string }{
		{"revisionHashLabel", n.RevisionHashLabel},
		{"templateGenerationLabel", n.TemplateGenerationLabel},
	} {
		if problems := validation.IsQualifiedName(label.key); len(problems) > 0 {
			return field.Invalid(path.Child(label.field), label.key, strings.Join(problems, "; "))
		}
	}
	if n.RevisionHashLabel == n.TemplateGenerationLabel {
		return field.Invalid(path.Child("templateGenerationLabel"), n.TemplateGenerationLabel, "must differ from revisionHashLabel")
	}
	if n.RevisionNamePrefix == "" {
		return nil
	}
	const hash = "0000000000" // A hash has at most ten characters.
	prefix := path.Child("revisionNamePrefix")
	if problems := validation.IsDNS1123Subdomain(n.RevisionName("x", hash)); len(problems) > 0 {
		return field.Invalid(prefix, n.RevisionNamePrefix, strings.Join(problems, "; "))
	}
	if problems := validation.IsDNS1123Subdomain(n.RevisionName(cmp.Or(daemonSet, "x"), hash)); len(problems) > 0 {
		return field.Invalid(prefix, n.RevisionNamePrefix, "before the name "+daemonSet+": "+strings.Join(problems, "; "))
	}
	return nil
}

// Naming returns the naming of Input with its defaults.
func (s *Snapshot) Naming() Naming {
	if s == nil {
		return Naming{}.WithDefaults()
	}
	return s.in.Naming.WithDefaults()
}
