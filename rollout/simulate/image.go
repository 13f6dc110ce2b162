package simulate

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// pullPolicy returns the default pull policy of an image: Always for the tag latest,
// which an image without tag and digest has.
func pullPolicy(image string) corev1.PullPolicy {
	if imageTag(image) == "latest" {
		return corev1.PullAlways
	}
	return corev1.PullIfNotPresent
}

// imageTag returns the tag of an image. Without tag and digest it is "latest"; for a
// string that is not an image name it is empty (ParseImageName@v1.37.2).
func imageTag(image string) string {
	name, digest, hasDigest := strings.Cut(image, "@")
	if hasDigest && !validDigest(digest) {
		return ""
	}
	tag := ""
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag = name[:i], name[i+1:]
		if !validTag(tag) {
			return ""
		}
	}
	if !validRepository(name) || !hasDigest && tag == "" && hexadecimal(name) && len(name) == 64 {
		return ""
	}
	if tag == "" && !hasDigest {
		return "latest"
	}
	return tag
}

func validTag(tag string) bool {
	return tag != "" && len(tag) <= 128 && tag[0] != '.' && tag[0] != '-' &&
		strings.Trim(tag, letters+capitals+digits+"_.-") == ""
}

// validDigest accepts the digests that images have: sha256, sha384 and sha512.
func validDigest(digest string) bool {
	algorithm, value, _ := strings.Cut(digest, ":")
	length := map[string]int{"sha256": 64, "sha384": 96, "sha512": 128}[algorithm]
	return length > 0 && len(value) == length && hexadecimal(value)
}

func hexadecimal(s string) bool { return strings.Trim(s, digits+"abcdef") == "" }

const (
	letters  = "abcdefghijklmnopqrstuvwxyz"
	capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits   = "0123456789"
)

// validRepository checks a name without tag and digest: an optional registry and a path
// of lower case components. A first part that is not a registry is a component.
func validRepository(name string) bool {
	if first, rest, found := strings.Cut(name, "/"); found && validRegistry(first) &&
		(strings.ContainsAny(first, ".:") || first == "localhost" || strings.ToLower(first) != first) {
		name = rest
	}
	for component := range strings.SplitSeq(name, "/") {
		if !validComponent(component) {
			return false
		}
	}
	return len(name) <= 255
}

func validRegistry(registry string) bool {
	host, port := registry, ""
	if i := strings.LastIndexByte(registry, ':'); i > strings.LastIndexByte(registry, ']') {
		if host, port = registry[:i], registry[i+1:]; port == "" || strings.Trim(port, digits) != "" {
			return false
		}
	}
	if address, ok := strings.CutPrefix(host, "["); ok {
		address, ok = strings.CutSuffix(address, "]")
		return ok && address != "" && strings.Trim(address, digits+"abcdefABCDEF:") == ""
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || strings.Trim(label, letters+capitals+digits+"-") != "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}

// validComponent accepts runs of letters and digits with a dot, one or two underscores,
// or any number of dashes between them.
func validComponent(s string) bool {
	for {
		rest := strings.TrimLeft(s, letters+digits)
		if len(rest) == len(s) {
			return false
		}
		if rest == "" {
			return true
		}
		s = strings.TrimLeft(rest, "._-")
		switch separator := rest[:len(rest)-len(s)]; {
		case separator == ".", separator == "_", separator == "__":
		case separator != "" && strings.Trim(separator, "-") == "":
		default:
			return false
		}
	}
}
