package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// A batch is one run of the program.
type batch struct {
	settings
	key       string
	client    *http.Client
	questions []question
	out       *answers
	stdout    io.Writer

	mu       sync.Mutex // guards what follows
	answered int
	refused  map[string]int // by class: asking again would change nothing
	left     map[string]int // by class: it may work next time
	attempts int
	waited   time.Duration
	person   []time.Duration // what the person waited for each answer
	broken   error           // of the file of answers
}

// run asks what has no answer yet, and reports whether all have one now.
func (b *batch) run(ctx context.Context) (bool, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	b.refused, b.left = make(map[string]int), make(map[string]int)
	var open []question
	for _, q := range b.questions {
		if !b.out.has(q) {
			open = append(open, q)
		}
	}
	fmt.Fprintf(b.stdout, "%d questions, %d of them answered before\n", len(b.questions), len(b.questions)-len(open))
	start := time.Now()
	p := newProgress(b.stdout, len(open))
	ended := make(chan struct{})
	var beside sync.WaitGroup
	beside.Go(func() { p.show(ended, b.count) })
	if b.chat > 0 {
		beside.Go(func() { b.chats(ctx, ended) })
	}
	b.ask(ctx, stop, open)
	close(ended)
	beside.Wait()
	b.report(time.Since(start), len(open))
	return b.count() == len(open), b.broken
}

// ask has the workers ask the open questions.
func (b *batch) ask(ctx context.Context, stop func(), open []question) {
	jobs := make(chan question)
	var workers sync.WaitGroup
	for range b.workers {
		workers.Go(func() {
			for q := range jobs {
				if err := b.one(ctx, q); err != nil {
					b.mu.Lock()
					b.broken = err
					b.mu.Unlock()
					stop() // a full disk does not get better by asking on
				}
			}
		})
	}
	for _, q := range open {
		select {
		case jobs <- q:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(jobs)
	workers.Wait()
}

// one asks one question, and writes what came of it.
func (b *batch) one(ctx context.Context, q question) error {
	// Batch: whoever else uses the client goes first, and this takes what is left.
	ctx = steadyhttp.WithCall(steadyhttp.WithPriority(ctx, steadyhttp.Batch))
	text, err := b.send(ctx, q.text)
	call, _ := steadyhttp.FromContext(ctx)
	done := answered{ID: q.id(), Line: q.line, Prompt: q.text, Answer: text}
	class := ""
	if err != nil {
		var e *steadyhttp.Error
		if !errors.As(err, &e) || e.Class.Retryable() || e.Class == steadyhttp.Canceled || e.Class == steadyhttp.Quota || e.Class == steadyhttp.Authentication {
			b.note(call, "", classOf(err)) // not the question's fault: next time
			return nil
		}
		class = e.Class.String()
		done.Class, done.Error = class, e.Error()
	}
	if err := b.out.add(done); err != nil {
		return err
	}
	b.note(call, class, "")
	return nil
}

func classOf(err error) string {
	var e *steadyhttp.Error
	if errors.As(err, &e) {
		return e.Class.String()
	}
	return "other"
}

func (b *batch) note(call steadyhttp.Call, refused, left string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.attempts += call.Attempts
	b.waited += call.Waited
	switch {
	case left != "":
		b.left[left]++
	case refused != "":
		b.refused[refused]++
	default:
		b.answered++
	}
}

// count is how many questions are done.
func (b *batch) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.answered
	for _, of := range b.refused {
		n += of
	}
	return n
}

// chats asks as a person would: one question after the other, who waits for each.
func (b *batch) chats(ctx context.Context, ended <-chan struct{}) {
	ctx = steadyhttp.WithPriority(ctx, steadyhttp.Urgent)
	every := time.NewTicker(b.chat)
	defer every.Stop()
	for {
		select {
		case <-ended:
			return
		case <-ctx.Done():
			return
		case <-every.C:
		}
		start := time.Now()
		if _, err := b.send(ctx, "Hello?"); err == nil {
			b.mu.Lock()
			b.person = append(b.person, time.Since(start))
			b.mu.Unlock()
		}
	}
}

// maxAnswer bounds what is read of an answer; completions stay far below it.
const maxAnswer = 8 << 20

// send asks one question, as any program does.
func (b *batch) send(ctx context.Context, prompt string) (string, error) {
	body, err := json.Marshal(map[string]any{"model": b.model, "messages": []map[string]string{{"role": "user", "content": prompt}}})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(b.url, "/")+"/chat/completions", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+b.key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := b.client.Do(req)
	if resp != nil {
		defer resp.Body.Close()
	}
	if err := steadyhttp.Check(resp, err); err != nil {
		return "", err
	}
	var answer struct {
		Choices []struct {
			Message struct {
				Content string `json:"content"`
			} `json:"message"`
		} `json:"choices"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&answer); err != nil {
		return "", steadyhttp.Check(nil, err) // it broke off, or is no JSON
	}
	if len(answer.Choices) == 0 {
		return "", errors.New("a success without a completion")
	}
	return answer.Choices[0].Message.Content, nil
}

// report prints the table at the end.
func (b *batch) report(took time.Duration, open int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.stdout
	row := func(name string, value any) { fmt.Fprintf(w, "%-34s %10v\n", name, value) }
	fmt.Fprintln(w)
	row("questions", open)
	row("answered", b.answered)
	for _, class := range sorted(b.refused) {
		row("  failed for good: "+class, b.refused[class])
	}
	for _, class := range sorted(b.left) {
		row("  left for next time: "+class, b.left[class])
	}
	row("requests on the wire", b.attempts)
	row("time", took.Round(100*time.Millisecond))
	if took > 0 {
		row("answers a second", fmt.Sprintf("%.1f", float64(b.answered)/took.Seconds()))
	}
	if n := len(b.person); n > 0 {
		slices.Sort(b.person)
		row("the person's answers", n)
		row("  after, half of them", b.person[n/2].Round(time.Millisecond))
		row("  after, all but one in a hundred", b.person[n*99/100].Round(time.Millisecond))
	}
	done := b.answered
	for _, n := range b.refused {
		done += n
	}
	if done < open {
		fmt.Fprintf(w, "\n%d questions have no answer yet. Run the same command again: it asks only those.\n", open-done)
	}
}

func sorted(counts map[string]int) []string {
	var names []string
	for name := range counts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
