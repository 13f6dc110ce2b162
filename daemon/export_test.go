package daemon

import "reflect"

// KeptSizes returns the size of each look-up table of a snapshot, by field.
func KeptSizes(s *Snapshot) map[string]int {
	sizes := map[string]int{}
	kept := reflect.ValueOf(s.kept).Elem()
	for i := range kept.NumField() {
		sizes[kept.Type().Field(i).Name] = kept.Field(i).Len()
	}
	return sizes
}
