package nopanic

import (
	"fmt"
	"reflect"
	"strings"
)

// longest is the length of the text of one argument.
const longest = 1200

// describe returns a value much as Go source, without the fields that are zero.
func describe(v reflect.Value) string {
	var b strings.Builder
	write(&b, v, 12)
	s := b.String()
	if len(s) > longest {
		s = s[:longest] + "..."
	}
	return s
}

func write(b *strings.Builder, v reflect.Value, depth int) {
	if b.Len() > longest {
		return
	}
	switch {
	case !v.IsValid():
		b.WriteString("nil")
		return
	case depth < 0:
		b.WriteString("...")
		return
	}
	if v.CanInterface() && known[v.Type()] != nil && v.Kind() != reflect.Interface && v.Kind() != reflect.Slice {
		fmt.Fprintf(b, "%v", v.Interface())
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			b.WriteString("nil")
			return
		}
		b.WriteByte('&')
		write(b, v.Elem(), depth-1)
	case reflect.Interface:
		write(b, v.Elem(), depth-1)
	case reflect.Struct:
		fmt.Fprintf(b, "%v{", v.Type())
		first := true
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				continue
			}
			if !first {
				b.WriteString(", ")
			}
			first = false
			if !v.Type().Field(i).IsExported() {
				b.WriteString(v.Type().Field(i).Name + ": ...")
				continue
			}
			b.WriteString(v.Type().Field(i).Name + ": ")
			write(b, v.Field(i), depth-1)
		}
		b.WriteByte('}')
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.IsNil() {
			b.WriteString("nil")
			return
		}
		if v.Type().Elem().Kind() == reflect.Uint8 {
			fmt.Fprintf(b, "%q", v.Bytes())
			return
		}
		fmt.Fprintf(b, "%v{", v.Type())
		for i := range v.Len() {
			if i > 0 {
				b.WriteString(", ")
			}
			write(b, v.Index(i), depth-1)
		}
		b.WriteByte('}')
	case reflect.Map:
		fmt.Fprintf(b, "%v{", v.Type())
		for it := v.MapRange(); it.Next(); {
			write(b, it.Key(), depth-1)
			b.WriteString(": ")
			write(b, it.Value(), depth-1)
			b.WriteString("; ")
		}
		b.WriteByte('}')
	case reflect.Func:
		if v.IsNil() {
			b.WriteString("nil")
			return
		}
		b.WriteString(v.Type().String() + "{...}")
	case reflect.String:
		fmt.Fprintf(b, "%q", v.String())
	default:
		fmt.Fprintf(b, "%v", v)
	}
}
