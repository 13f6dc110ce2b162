package daemon

import (
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/duration"
)

// Table is what `kubectl get daemonsets` shows, as data. String and Wide make
// kubectl's text of it. The zero Table has no rows. Rows may be sorted, filtered
// and changed: the text follows them.
type Table struct {
	// Rows are the lines of the table, one for each DaemonSet.
	Rows []TableRow
}

// TableColumn describes one column of every Table.
type TableColumn struct {
	// Name is the header, such as "Node Selector". The text has it in upper case.
	Name string
	// Priority is 0 for the columns that are always printed and 1 for those that
	// Wide adds.
	Priority int32
}

// TableRow is one DaemonSet in a Table. Text fields hold what kubectl prints.
type TableRow struct {
	// Namespace is the DaemonSet's; it is no column of the table.
	Namespace string
	// Name is the DaemonSet's.
	Name string
	// Desired is status.desiredNumberScheduled.
	Desired int32
	// Current is status.currentNumberScheduled.
	Current int32
	// Ready is status.numberReady.
	Ready int32
	// UpToDate is status.updatedNumberScheduled.
	UpToDate int32
	// Available is status.numberAvailable.
	Available int32
	// NodeSelector is the template's, as key=value pairs ordered by key with
	// commas between; "<none>" where there is none.
	NodeSelector string
	// Age is the time since creation in two or three significant figures, such
	// as "13m"; "<unknown>" where the creation time is zero, "<invalid>" where
	// it is two seconds or more after the table's.
	Age string
	// Containers are the names of the template's containers in order, with commas
	// between; init containers are not among them.
	Containers string
	// Images are the images of the same containers.
	Images string
	// Selector is the DaemonSet's selector in the notation of `kubectl get -l`;
	// "<none>" where it is nil or empty, "<error>" where it is malformed.
	Selector string
}

// NewTable returns the table of the DaemonSets as it is at the given time, with
// rows in the order of sets (printDaemonSet@v1.37.2). The status is taken as it
// is. A nil entry is left out. Nothing in the result is shared with sets.
func NewTable(sets []*appsv1.DaemonSet, now time.Time) *Table {
	t := &Table{Rows: make([]TableRow, 0, len(sets))}
	for _, ds := range sets {
		if ds == nil {
			continue
		}
		pod := &ds.Spec.Template.Spec
		var containers, images []string
		for i := range pod.Containers {
			containers = append(containers, pod.Containers[i].Name)
			images = append(images, pod.Containers[i].Image)
		}
		t.Rows = append(t.Rows, TableRow{
			Namespace:    ds.Namespace,
			Name:         ds.Name,
			Desired:      ds.Status.DesiredNumberScheduled,
			Current:      ds.Status.CurrentNumberScheduled,
			Ready:        ds.Status.NumberReady,
			UpToDate:     ds.Status.UpdatedNumberScheduled,
			Available:    ds.Status.NumberAvailable,
			NodeSelector: labels.FormatLabels(pod.NodeSelector),
			Age:          age(ds.CreationTimestamp, now),
			Containers:   strings.Join(containers, ","),
			Images:       strings.Join(images, ","),
			Selector:     metav1.FormatLabelSelector(ds.Spec.Selector),
		})
	}
	return t
}

// age is translateTimestampSince@v1.37.2 with the time as an argument.
func age(created metav1.Time, now time.Time) string {
	if created.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(now.Sub(created.Time))
}

// Columns returns the columns in the order of the text, new with every call. It
// is the same list for every table, a nil one among them.
func (t *Table) Columns() []TableColumn {
	return []TableColumn{
		{Name: "Name"},
		{Name: "Desired"},
		{Name: "Current"},
		{Name: "Ready"},
		{Name: "Up-to-date"},
		{Name: "Available"},
		{Name: "Node Selector"},
		{Name: "Age"},
		{Name: "Containers", Priority: 1},
		{Name: "Images", Priority: 1},
		{Name: "Selector", Priority: 1},
	}
}

// Cells returns the text of the row in each of the table's Columns, new with
// every call.
func (r TableRow) Cells() []string {
	number := func(n int32) string { return strconv.Itoa(int(n)) }
	return []string{
		r.Name,
		number(r.Desired), number(r.Current), number(r.Ready), number(r.UpToDate), number(r.Available),
		r.NodeSelector, r.Age,
		r.Containers, r.Images, r.Selector,
	}
}

// String returns what `kubectl get daemonsets` prints: a header and a line for
// each row, every one with its line break. It is empty for a table without rows,
// for which kubectl prints no header either.
func (t *Table) String() string { return t.text(0) }

// Wide returns what `kubectl get daemonsets -o wide` prints: String with the
// columns containers, images and selector.
func (t *Table) Wide() string { return t.text(1) }

// text prints the columns up to a priority as kubectl does (printTable@v0.37.2,
// GetNewTabWriter@v0.37.2). In one respect it is better: kubectl aligns a hundred
// rows at a time, so that a later one whose escaped text is longer than all before
// it stands out of line.
func (t *Table) text(priority int32) string {
	if t == nil || len(t.Rows) == 0 {
		return ""
	}
	var shown []int
	var header []string
	for i, column := range t.Columns() {
		if column.Priority <= priority {
			shown = append(shown, i)
			header = append(header, strings.ToUpper(column.Name))
		}
	}
	lines := [][]string{header}
	for _, row := range t.Rows {
		cells, line := row.Cells(), make([]string, len(shown))
		for at, i := range shown {
			line[at] = printable(cells[i])
			// The writer counts runes, kubectl makes the header as wide as the
			// widest cell below it in bytes.
			if missing := len(cells[i]) - len(header[at]); missing > 0 && at < len(shown)-1 {
				header[at] += strings.Repeat(" ", missing)
			}
		}
		lines = append(lines, line)
	}

	var b strings.Builder
	w := tabwriter.NewWriter(&b, 6, 4, 3, ' ', 0)
	for _, line := range lines {
		// A strings.Builder takes everything: there is no error to look at.
		_, _ = w.Write([]byte(strings.Join(line, "\t") + "\n"))
	}
	_ = w.Flush()
	return b.String()
}

// printable cuts a cell at its first line break and makes escape characters
// visible, so that no value can forge rows or control a terminal
// (appendCellValue@v0.37.2).
func printable(cell string) string {
	end := ""
	if i := strings.IndexAny(cell, "\f\n\r"); i >= 0 {
		cell, end = cell[:i], "..."
	}
	return strings.ReplaceAll(cell, "\x1b", "^[") + end
}
