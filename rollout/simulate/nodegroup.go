package simulate

import "strings"

// Texts stay readable if there are many nodes.
const (
	shownLines = 10 // nodes of a kind, or groups of them
	shownNodes = 5  // of a group
)

// nodeGroup are nodes about which there is the same to say.
type nodeGroup struct {
	nodes []string
	// line is about the only node, with its name. text is about all, without names.
	line, text string
}

func (g *nodeGroup) String() string {
	if len(g.nodes) == 1 {
		return g.line
	}
	return listNodes(g.nodes) + ": " + g.text
}

// listNodes names the first nodes of a list.
func listNodes(nodes []string) string {
	text := strings.Join(nodes[:min(len(nodes), shownNodes)], ", ")
	if more := len(nodes) - shownNodes; more > 0 {
		text += " and " + plural(more, "more node", "more nodes")
	}
	return text
}

// nodeGroups are ordered lists of groups of nodes.
type nodeGroups struct {
	list []*nodeGroup
	of   map[string]*nodeGroup // by text
}

func (g *nodeGroups) add(node, line, text string) {
	group := g.of[text]
	if group == nil {
		group = &nodeGroup{line: line, text: text}
		if g.of == nil {
			g.of = make(map[string]*nodeGroup)
		}
		g.of[text] = group
		g.list = append(g.list, group)
	}
	group.nodes = append(group.nodes, node)
}

// groupLines returns an indented line for each of the first groups.
func groupLines(groups []*nodeGroup) []string {
	var lines []string
	more := 0
	for i, g := range groups {
		if i < shownLines {
			lines = append(lines, "  "+g.String())
		} else {
			more += len(g.nodes)
		}
	}
	if more > 0 {
		lines = append(lines, "  and "+plural(more, "more node", "more nodes"))
	}
	return lines
}
