package nopanic

import "testing"

// recorder is a testing.TB for functions that want one. A failure ends the call.
type recorder struct {
	testing.TB // nil; it has the unexported method
}

// stopped is what the functions that end a test panic with.
type stopped struct{}

func (recorder) Cleanup(func())        {}
func (recorder) Error(...any)          {}
func (recorder) Errorf(string, ...any) {}
func (recorder) Fail()                 {}
func (recorder) FailNow()              { panic(stopped{}) }
func (recorder) Failed() bool          { return false }
func (recorder) Fatal(...any)          { panic(stopped{}) }
func (recorder) Fatalf(string, ...any) { panic(stopped{}) }
func (recorder) Helper()               {}
func (recorder) Log(...any)            {}
func (recorder) Logf(string, ...any)   {}
func (recorder) Name() string          { return "recorder" }
func (recorder) Skip(...any)           { panic(stopped{}) }
func (recorder) SkipNow()              { panic(stopped{}) }
func (recorder) Skipf(string, ...any)  { panic(stopped{}) }
func (recorder) Skipped() bool         { return false }
