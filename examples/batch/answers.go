package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// A question is one line of the file.
type question struct {
	line int // from 1 on
	text string
}

// id is by what an answer is known to be a question's: its place and its words, so that
// a file that was changed since is not taken for the same.
func (q question) id() string {
	sum := sha256.Sum256([]byte(q.text))
	return fmt.Sprintf("%d-%s", q.line, hex.EncodeToString(sum[:6]))
}

// maxLine bounds a question and an answer: what a model takes, and what it gives.
const maxLine = 16 << 20

func questionsOf(s settings) ([]question, error) {
	var all []question
	if s.in == "" {
		for i := range s.jobs {
			all = append(all, question{i + 1, fmt.Sprintf("Question %d: what matters most?", i+1)})
		}
		return all, nil
	}
	f, err := os.Open(s.in)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		if text := strings.TrimSpace(lines.Text()); text != "" {
			all = append(all, question{n, text})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", s.in, err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no question", s.in)
	}
	return all, nil
}

// An answered question, as it stands in the file. One of Answer and Error is set: an
// error that asking again would not cure.
type answered struct {
	ID     string `json:"id"`
	Line   int    `json:"line"`
	Prompt string `json:"prompt"`
	Answer string `json:"answer,omitempty"`
	Class  string `json:"class,omitempty"`
	Error  string `json:"error,omitempty"`
}

// answers is the file of answers. Each is one write of a whole line, so that whoever
// kills the program loses none that was written, and at worst the last line is half.
type answers struct {
	mu   sync.Mutex // guards what follows
	file *os.File
	done map[string]bool // by id
}

// openAnswers opens the file, or makes it, and reads which questions are done. What is
// left of a line that was being written when the program was killed is cut off.
func openAnswers(name string) (*answers, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	a := &answers{file: f, done: make(map[string]bool)}
	whole, err := a.read()
	if err == nil {
		err = f.Truncate(whole)
	}
	if err == nil {
		_, err = f.Seek(whole, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return a, nil
}

// read reads the lines, and returns where the last whole one ends.
func (a *answers) read() (whole int64, err error) {
	lines := bufio.NewReader(a.file)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return whole, nil
		}
		if err != nil {
			return 0, err
		}
		var one answered
		if json.Unmarshal(bytes.TrimSpace(line), &one) != nil || one.ID == "" {
			return 0, fmt.Errorf("line %d is no answer of this program: name another file with -out", n)
		}
		a.done[one.ID] = true
		whole += int64(len(line))
	}
}

func (a *answers) has(q question) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.done[q.id()]
}

// add writes one answer.
func (a *answers) add(one answered) error {
	line, err := json.Marshal(one)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.done[one.ID] {
		return nil
	}
	if _, err := a.file.Write(append(line, '\n')); err != nil {
		return err
	}
	a.done[one.ID] = true
	return nil
}

func (a *answers) Close() error { return a.file.Close() }
