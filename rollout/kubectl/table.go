package kubectl

import (
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/duration"
)

// Table is the table that kubectl get daemonsets prints. The zero Table has no
// rows. Rows may be sorted, filtered and changed: String and Wide print them as
// they are.
type Table struct {
	// Rows has a row for each DaemonSet.
	Rows []TableRow
	// AllNamespaces puts a column with the namespaces before the others in String and Wide,
	// as kubectl get -A does. NewTable leaves it false.
	AllNamespaces bool
}

// TableColumn describes one column of a Table.
type TableColumn struct {
	// Name is the header, such as "Node Selector". The text form is in upper case.
	Name string
	// Priority is 0 for a column of String and Wide, and 1 for a column of Wide
	// alone.
	Priority int32
}

// TableRow is one DaemonSet in a Table. The text fields hold the cells as
// kubectl prints them, before it escapes control characters.
type TableRow struct {
	// Namespace is the DaemonSet's. It is a cell of the text if Table.AllNamespaces is set.
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
	// NodeSelector is the template's spec.nodeSelector as key=value pairs, ordered
	// by key and joined with commas, or "<none>".
	NodeSelector string
	// Age is the time since the creation of the DaemonSet, such as "13m" or "2d1h".
	// It is "<unknown>" without a creation time, and "<invalid>" if the creation
	// is two seconds or more in the future.
	Age string
	// Containers are the names of the template's containers in their order, joined
	// with commas. Init containers are left out.
	Containers string
	// Images are the images of the same containers.
	Images string
	// Selector is the DaemonSet's selector in the notation of kubectl get -l. It is
	// "<none>" for a nil or empty selector, and "<error>" for a malformed one.
	Selector string
}

// NewTable returns the table of the DaemonSets at the time now
// (printDaemonSet@v1.37.2, translateTimestampSince@v1.37.2). The rows are in the
// order of sets, without the nil ones; an API server lists DaemonSets by namespace
// and name. The numbers are those of the status, regardless of its generation. Nothing
// in the result is shared with sets.
func NewTable(sets []*appsv1.DaemonSet, now time.Time) Table {
	t := Table{Rows: make([]TableRow, 0, len(sets))}
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

func age(created metav1.Time, now time.Time) string {
	if created.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(now.Sub(created.Time))
}

// TableColumns returns the columns of every Table in their order, as an API server
// sends them. The column of Table.AllNamespaces is not among them, because kubectl
// adds it. The result is new with every call.
func TableColumns() []TableColumn {
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

// Cells returns the cells of the row, one for each of TableColumns. Control
// characters in them are not escaped. The result is new with every call.
func (r TableRow) Cells() []string {
	number := func(n int32) string { return strconv.Itoa(int(n)) }
	return []string{
		r.Name,
		number(r.Desired), number(r.Current), number(r.Ready), number(r.UpToDate), number(r.Available),
		r.NodeSelector, r.Age,
		r.Containers, r.Images, r.Selector,
	}
}

// String returns what kubectl get daemonsets prints: a line for the header and a line
// for each row, each with its line break. The text of a table without rows is empty,
// as kubectl prints no header then.
//
// A cell ends at its first line break, with "..." in place of the rest, and the
// escape character is printed as ^[. So no value can forge a row or begin an escape
// sequence.
func (t Table) String() string { return t.text(0) }

// Wide returns what kubectl get daemonsets -o wide prints: String with the
// columns containers, images and selector.
func (t Table) Wide() string { return t.text(1) }

// text prints the columns up to a priority (decorateTable, printTable,
// GetNewTabWriter @v0.37.2).
func (t Table) text(priority int32) string {
	if len(t.Rows) == 0 {
		return ""
	}
	columns := TableColumns()
	if t.AllNamespaces {
		columns = slices.Insert(columns, 0, TableColumn{Name: "Namespace"})
	}
	var shown []int
	var header []string
	for i, column := range columns {
		if column.Priority <= priority {
			shown = append(shown, i)
			header = append(header, strings.ToUpper(column.Name))
		}
	}
	lines := [][]string{header}
	for _, row := range t.Rows {
		cells, line := row.Cells(), make([]string, len(shown))
		if t.AllNamespaces {
			cells = slices.Insert(cells, 0, row.Namespace)
		}
		for at, i := range shown {
			line[at] = printable(cells[i])
			// The writer counts runes; kubectl makes the header as wide as the
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
		// Writing to a strings.Builder does not fail.
		_, _ = w.Write([]byte(strings.Join(line, "\t") + "\n"))
	}
	_ = w.Flush()
	return b.String()
}

// printable is appendCellValue@v0.37.2.
func printable(cell string) string {
	end := ""
	if i := strings.IndexAny(cell, "\f\n\r"); i >= 0 {
		cell, end = cell[:i], "..."
	}
	return strings.ReplaceAll(cell, "\x1b", "^[") + end
}
