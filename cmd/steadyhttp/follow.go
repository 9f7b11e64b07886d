package main

import (
	"context"
	"io"
	"os"
	"time"
)

// followEvery is how often a followed file is looked at: soon enough for whoever
// watches, and next to nothing for the machine.
const followEvery = 250 * time.Millisecond

// A follower reads a file as it grows, until ctx ends. Where the name is given to
// another file, as those that rotate logs do, it goes on with that one; where the
// file is cut to nothing, it begins again.
type follower struct {
	ctx     context.Context
	name    string
	file    *os.File
	at      int64 // how much of the file has been read
	renamed bool  // the name was another file's when the end was last reached
}

func (f *follower) Read(p []byte) (int, error) {
	for {
		n, err := f.file.Read(p)
		f.at += int64(n)
		if n > 0 || err != nil && err != io.EOF {
			return n, err
		}
		if f.next() {
			p[0] = '\n' // what the old file ended with is no beginning of a line of the new one
			return 1, nil
		}
		select {
		case <-f.ctx.Done():
			return 0, io.EOF
		case <-time.After(followEvery):
		}
	}
}

// next is called at the end of the file. It reports whether there is another one to
// read, or the same one anew.
func (f *follower) next() bool {
	now, err := os.Stat(f.name)
	if err != nil {
		return false // between two files there may be none
	}
	had, err := f.file.Stat()
	if err != nil {
		return false
	}
	if os.SameFile(had, now) {
		f.renamed = false
		if now.Size() >= f.at {
			return false
		}
		if _, err := f.file.Seek(0, io.SeekStart); err != nil {
			return false
		}
		f.at = 0
		return true
	}
	if !f.renamed { // whoever writes may write to the old one a little longer
		f.renamed = true
		return false
	}
	file, err := os.Open(f.name)
	if err != nil {
		return false
	}
	f.file.Close()
	f.file, f.at, f.renamed = file, 0, false
	return true
}

func (f *follower) Close() error { return f.file.Close() }
