package wait

// ReadField is parse, for tests: the number of members.
func ReadField(field string) (int, bool) {
	m, ok := parse(field)
	return len(m), ok
}
