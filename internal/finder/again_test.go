package finder

import "testing"

// A page that a server refuses for good is refused each time that it is asked for. Those
// refusals are no sample: where others are let in, they point to no limit.
func TestWhatGoesAgainIsNoSample(t *testing.T) {
	for _, row := range []struct {
		name   string
		others bool // one in three is a first attempt, and let in
		want   bool // the Finder holds back
	}{
		{"among others", true, false},
		{"where hardly anything else is sent", false, true},
	} {
		f := New(begin, 0)
		f.Outcome(begin, begin, false)
		for i := range 300 {
			at := instant(.1 + float64(i)*.02)
			again := !row.others || i%3 > 0
			if f.Next(at) > at {
				break
			}
			f.Sent(at, again)
			f.Outcome(at+ms, at, !again)
		}
		if f.Engaged() != row.want {
			t.Errorf("%s: holds back %t, want %t: %s", row.name, f.Engaged(), row.want, f.Why())
		}
	}
}

// A crowd that is refused at once is suspect before it is known what the limit is.
func TestSuspects(t *testing.T) {
	f := New(begin, 0)
	for i := range 6 {
		if f.Suspects() {
			t.Errorf("suspects a limit after %d refusals", i)
		}
		f.Outcome(instant(.01), begin-ms, false)
	}
	if !f.Suspects() {
		t.Error("does not suspect a limit after 6 refusals")
	}
	for i := range 5 {
		at := instant(.02 + float64(i)*.01)
		f.Sent(at, false)
		f.Outcome(at+ms, at, true)
	}
	if f.Suspects() {
		t.Error("suspects a limit after 5 were let in")
	}
}
