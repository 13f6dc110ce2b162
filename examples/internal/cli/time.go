package cli

import (
	"fmt"
	"time"
)

// Time reads what the flag -now says. The error names the flag.
func Time(text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("-now %s: want a time such as 2026-01-02T15:04:05Z", text)
	}
	return at, nil
}
