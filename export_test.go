package steadyhttp

// Keys returns how many keys t remembers.
func (t *Throttler) Keys() (lanes, gates int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.lanes), len(t.gates)
}
