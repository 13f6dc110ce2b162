package engine

import (
	"embed"
	"fmt"
	"strings"
	"time"
)

//go:embed starts
var startFiles embed.FS

// startTime is when the ready-made starts begin.
var startTime = time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)

// Start is a ready-made start.
type Start struct {
	Name  string `json:"name"`
	Title string `json:"title"`
}

// Starts returns the ready-made starts in the order of the page.
func Starts() []Start {
	return []Start{
		{"lesson", "Lesson: nginx on every node"},
		{"log-agent", "Log agent, 12 nodes in 3 zones"},
		{"node-exporter", "Node exporter, with host port"},
		{"network", "Network agent, like Calico"},
		{"storage", "Storage daemon on labelled nodes"},
		{"large", "Log agent, 5,000 nodes"},
	}
}

// startTexts returns the texts of a start.
func startTexts(name string) (Texts, error) {
	set, cluster := name, name
	if name == "large" {
		set = "log-agent"
	}
	m, err := startFiles.ReadFile("starts/" + set + ".yaml")
	if err != nil {
		return Texts{}, fmt.Errorf("no start %q", name)
	}
	if name == "large" {
		return Texts{strings.Replace(string(m), "maxUnavailable: 1\n", "maxUnavailable: 2%\n", 1), manyNodes(5000)}, nil
	}
	c, err := startFiles.ReadFile("starts/" + cluster + "-cluster.yaml")
	return Texts{string(m), string(c)}, err
}

// manyNodes is a cluster of n workers in three zones.
func manyNodes(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %d nodes in three zones.\n", n)
	b.WriteString("apiVersion: v1\nkind: List\nitems:\n")
	for i := 1; i <= n; i++ {
		zone := "abc"[i%3]
		fmt.Fprintf(&b, "- {apiVersion: v1, kind: Node, metadata: {name: node-%04d, labels: {kubernetes.io/os: linux, %s: zone-%c}}}\n", i, zoneLabel, zone)
	}
	return b.String()
}
