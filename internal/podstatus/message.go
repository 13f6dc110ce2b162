package podstatus

import "strings"

// Clause returns a message without the full stop at its end, so that more words can follow. The
// scheduler ends its messages with one. Three dots stay.
func Clause(message string) string {
	if strings.HasSuffix(message, "...") {
		return message
	}
	return strings.TrimSuffix(message, ".")
}
