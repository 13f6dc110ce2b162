package daemon

// WaitingPods is how many pods a snapshot remembers that become available by time.
func WaitingPods(s *Snapshot) int { return len(s.kept.waiting) }
