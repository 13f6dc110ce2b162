package nopanic

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"path"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
)

// Func is an exported function of the library.
type Func struct {
	// Name is as in placement.Compile.
	Name string
	// Func is the function itself.
	Func any
}

// Panic is a call that panicked.
type Panic struct {
	// Func is the name of the function or method, Args what it was called with and
	// Value the text of the panic.
	Func, Args, Value string
	// At are the functions of this module on the stack, innermost first.
	At []string
}

// String returns the panic in a few lines.
func (p Panic) String() string {
	return fmt.Sprintf("%s(%s)\n\tpanics: %s\n\tin %s", p.Func, p.Args, p.Value, strings.Join(p.At, "\n\t   "))
}

// Main calls all functions and all methods of the types, and writes the panics as
// JSON to the standard output. Before it calls a function it writes Calling and the
// name to the standard error, for the case that the function never returns.
func Main(funcs []Func, types []reflect.Type) {
	debug.SetMaxStack(64 << 20) // endless recursion ends soon
	if err := json.NewEncoder(os.Stdout).Encode(Call(funcs, types, os.Stderr)); err != nil {
		panic(err)
	}
}

// Calling is in front of the name of a function on the standard error.
const Calling = "calling "

const (
	// rounds is how often each function has its turn. What it returns is used in the
	// next round.
	rounds = 2
	// combinations is the number of argument lists up to which all are tried.
	combinations = 100
	// mixtures is how many random arguments each function gets in a round.
	mixtures = 200
	// textMixtures is the same for String methods, which are cheap and have many
	// branches.
	textMixtures = 1000
)

// Call calls all functions and all methods of the types. It returns one Panic for
// each function and place.
func Call(funcs []Func, types []reflect.Type, progress io.Writer) []Panic {
	c := &caller{
		arguments: arguments{types: types, results: map[reflect.Type][]reflect.Value{}},
		wanted:    map[reflect.Type]bool{},
		seen:      map[string]bool{},
	}
	var all []target
	for _, f := range funcs {
		all = append(all, target{f.Name, reflect.ValueOf(f.Func)})
	}
	for _, t := range types {
		all = append(all, methods(t)...)
	}
	for _, f := range all {
		for i := range f.fn.Type().NumIn() {
			c.want(f.fn.Type().In(i))
		}
	}
	for round := range rounds {
		for _, f := range all {
			fmt.Fprintln(progress, Calling+f.name)
			c.rand = seeded(f.name, round)
			c.exercise(f)
		}
	}
	return c.panics
}

// seeded returns random numbers that are the same for a function whatever other
// functions there are.
func seeded(name string, round int) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(h.Sum64(), uint64(round)))
}

// target is a function, or a method as a function of its receiver.
type target struct {
	name string
	fn   reflect.Value
}

// methods returns the methods of a type and those of a pointer to it. A method with
// a value receiver is not called on a nil pointer, because Go itself panics then.
func methods(t reflect.Type) []target {
	var out []target
	pointer := reflect.PointerTo(t)
	for i := range pointer.NumMethod() {
		m := pointer.Method(i)
		name := fmt.Sprintf("(*%v).%s", t, m.Name)
		if value, ok := t.MethodByName(m.Name); ok {
			m, name = value, fmt.Sprintf("%v.%s", t, m.Name)
		}
		out = append(out, target{name, m.Func})
	}
	return out
}

type caller struct {
	arguments
	// wanted are the types of all parameters and what they are made of.
	wanted map[reflect.Type]bool
	seen   map[string]bool
	panics []Panic
}

// want notes a type of parameter whose values are worth keeping.
func (c *caller) want(t reflect.Type) {
	switch t.Kind() {
	case reflect.Struct, reflect.Pointer, reflect.Slice, reflect.Map:
	default:
		return
	}
	if c.wanted[t] {
		return
	}
	c.wanted[t] = true
	switch {
	case t.Kind() != reflect.Struct:
		c.want(t.Elem())
	case strings.HasPrefix(t.PkgPath(), modulePath):
		for i := range t.NumField() {
			if t.Field(i).IsExported() {
				c.want(t.Field(i).Type)
			}
		}
	}
}

// exercise calls one function with many lists of arguments.
func (c *caller) exercise(f target) {
	in := make([][]reflect.Value, f.fn.Type().NumIn())
	total := 1
	for i := range in {
		in[i] = c.candidates(f.fn.Type().In(i))
		total = min(total*len(in[i]), combinations+1)
	}
	if total <= combinations {
		args := make([]reflect.Value, len(in))
		c.combine(f, in, args, 0)
	} else {
		c.vary(f, in)
	}
	if len(in) == 0 {
		return
	}
	most := mixtures / len(in)
	if strings.HasSuffix(f.name, ".String") {
		most = textMixtures
	}
	for n := range most {
		args := make([]reflect.Value, len(in))
		for i := range args {
			args[i] = c.fill(f.fn.Type().In(i), filling{depth: 2 + n%5, scalars: true, living: n%3 > 0, random: true})
		}
		c.call(f, args)
	}
}

// combine calls the function with all combinations of arguments from i on.
func (c *caller) combine(f target, in [][]reflect.Value, args []reflect.Value, i int) {
	if i == len(in) {
		c.call(f, args)
		return
	}
	for _, v := range in[i] {
		args[i] = v
		c.combine(f, in, args, i+1)
	}
}

// vary calls the function with all arguments filled alike, and then with each
// argument in turn filled unlike the others.
func (c *caller) vary(f target, in [][]reflect.Value) {
	args := make([]reflect.Value, len(in))
	alike := func(n int) {
		for i := range in {
			args[i] = in[i][min(n, len(in[i])-1)]
		}
	}
	for n := range len(fillings) {
		alike(n)
		c.call(f, args)
	}
	for _, n := range []int{0, len(fillings) / 2, len(fillings) - 1} {
		for i := range in {
			for _, v := range in[i] {
				alike(n)
				args[i] = v
				c.call(f, args)
			}
		}
	}
}

// call calls the function once, ranges over the iterators it returns, and keeps the
// rest of its results.
func (c *caller) call(f target, args []reflect.Value) {
	defer func() {
		value := recover()
		if value == nil || value == any(stopped{}) {
			return
		}
		p := Panic{Func: f.name, Value: fmt.Sprint(value), At: stack()}
		if key := p.Func + p.At[0]; !c.seen[key] {
			c.seen[key] = true
			texts := make([]string, len(args))
			for i := range args {
				texts[i] = describe(args[i])
			}
			p.Args = strings.Join(texts, ", ")
			c.panics = append(c.panics, p)
		}
	}()
	var out []reflect.Value
	if f.fn.Type().IsVariadic() {
		out = f.fn.CallSlice(args)
	} else {
		out = f.fn.Call(args)
	}
	failed := false
	for _, v := range out {
		if err, ok := v.Interface().(error); ok && err != nil {
			_, failed = err.Error(), true
		}
	}
	for _, v := range out {
		switch {
		case failed:
		case v.Kind() == reflect.Func && !v.IsNil() && (v.Type().CanSeq() || v.Type().CanSeq2()):
			c.drain(v)
		default:
			c.learn(v, c.wanted, 4)
		}
	}
}

// drain ranges over an iterator.
func (c *caller) drain(seq reflect.Value) {
	left := 100
	yield := func(args []reflect.Value) []reflect.Value {
		for _, v := range args {
			c.learn(v, c.wanted, 4)
		}
		left--
		return []reflect.Value{reflect.ValueOf(left > 0)}
	}
	seq.Call([]reflect.Value{reflect.MakeFunc(seq.Type().In(0), yield)})
}

const modulePath = "github.com/pernode/daemonset"

// stack returns the functions of the module on the stack, innermost first, or a
// text if the panic is elsewhere.
func stack() []string {
	var out []string
	pcs := make([]uintptr, 100)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		frame, more := frames.Next()
		if strings.HasPrefix(frame.Function, modulePath) && !strings.HasPrefix(frame.Function, modulePath+"/internal/nopanic.") {
			out = append(out, fmt.Sprintf("%s (%s, line %d)", strings.TrimPrefix(frame.Function, modulePath+"/"), path.Base(frame.File), frame.Line))
		}
		if !more {
			break
		}
	}
	if out == nil {
		return []string{"code outside the module"}
	}
	return out[:min(len(out), 6)]
}
