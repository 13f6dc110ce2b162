package daemontest_test

import (
	"fmt"
	"strings"
	"testing"
)

// recorder is a testing.TB that keeps what a test reports.
type recorder struct {
	testing.TB // nil; it has the unexported method
	reports    []string
}

type ended struct{}

func (r *recorder) Helper() {}
func (r *recorder) Logf(f string, args ...any) {
	r.reports = append(r.reports, "log: "+fmt.Sprintf(f, args...))
}
func (r *recorder) Error(args ...any) { r.reports = append(r.reports, fmt.Sprint(args...)) }
func (r *recorder) Fatal(args ...any) {
	r.reports = append(r.reports, "fatal: "+fmt.Sprint(args...))
	panic(ended{})
}
func (r *recorder) Fatalf(f string, args ...any) { r.Fatal(fmt.Sprintf(f, args...)) }

// reportsOf runs a test and returns what it reports, one report after the other.
func reportsOf(test func(testing.TB)) string {
	r := &recorder{}
	func() {
		defer func() {
			if v := recover(); v != nil && v != any(ended{}) {
				panic(v)
			}
		}()
		test(r)
	}()
	return strings.Join(r.reports, "\n")
}
