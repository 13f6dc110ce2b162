// Empty; see link.go.
