package steadyhttptest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"
)

// uploadRules are about request bodies that are not what most wrappers expect: one reader behind all copies, and a
// producer that waits.
var uploadRules = []rule{{
	name: "request-body-one-reader",
	explanation: "GetBody may give the same reader each time, rewound or not: Azure's SDKs do. So it must not be called, " +
		"read or closed while an attempt reads the body, nor to have a look at what will be sent: the server " +
		"would get less than all of it, and net/http says nothing of that where the length is unknown.",
	run: uploadOneReader,
}, {
	name: "request-body-producer",
	explanation: "Who writes the request body may wait, for its answer above all. An attempt that is over must not wait " +
		"for that: net/http's HTTP/2 returns from RoundTrip, and from Close of the answer's body, only when " +
		"nobody reads the request body any more, and closes it to get there.",
	run: uploadProducer,
}}

// oneReader is a body that all calls of GetBody share. It is closed for good, unless it rewinds.
type oneReader struct {
	*watchedBody
	data    *bytes.Reader
	rewinds bool
}

func newOneReader(data []byte, rewinds bool) *oneReader {
	r := bytes.NewReader(data)
	return &oneReader{watch("the only reader of the request body", r), r, rewinds}
}

func (r *oneReader) getBody() (io.ReadCloser, error) {
	if !r.rewinds {
		return r, nil
	}
	_, err := r.data.Seek(0, io.SeekStart)
	return r, err
}

func (r *oneReader) Close() error {
	if r.rewinds {
		return nil
	}
	return r.watchedBody.Close()
}

// slowly receives the upload in two halves, and waits before each: time enough for somebody else to read it.
func slowly(next answer) answer {
	return func(a *attempt) (*http.Response, error) {
		time.Sleep(time.Second)
		half := make([]byte, 30)
		n, err := io.ReadFull(a.upload, half)
		if err != nil {
			a.sent, a.sendErr, a.read = half[:n], err, true
			a.closeUpload()
			return a.reply(400, nil), nil
		}
		time.Sleep(time.Second)
		resp, err := next(a)
		a.sent = append(half, a.sent...)
		return resp, err
	}
}

func uploadOneReader(p *probe) {
	content := []byte(`{"model":"m","max_tokens":100,"messages":[{"role":"user","content":"` + string(pattern(200, 5)) + `"}]}`)
	for _, s := range []struct {
		name    string
		rewinds bool
		known   bool // its length
		answers []answer
	}{
		{"it rewinds, 200", true, true, []answer{slowly(status(200))}},
		{"it rewinds, 503, 200", true, true, []answer{slowly(status(503)), slowly(status(200))}},
		{"it rewinds, 429 before the upload was read, 200", true, true, []answer{early(429, 0), slowly(status(200))}},
		{"it rewinds, of unknown length, 200", true, false, []answer{slowly(status(200))}},
		{"it rewinds, of unknown length, an error, 200", true, false, []answer{failsMidway(errReset), slowly(status(200))}},
		{"it does not rewind, 200", false, true, []answer{slowly(status(200))}},
		{"it does not rewind, 400", false, false, []answer{slowly(status(400))}},
	} {
		p := p.in("%s", s.name)
		body := newOneReader(content, s.rewinds)
		req := newRequest(p.lasting(), http.MethodPost)
		req.URL.Path = "/v1/chat/completions"
		req.Header.Set("Content-Type", "application/json")
		req.Body, req.GetBody, req.ContentLength = body, body.getBody, -1
		if s.known {
			req.ContentLength = int64(len(content))
		}
		base := newBase(s.answers...)
		rt := p.wrapped(base)
		for call := 1; call <= 2; call++ {
			r := p.call(rt, req)
			p.consume(r.resp)
			if r.lost || !s.rewinds {
				break
			}
			// Its owner sends it again, as some SDKs do.
			if _, err := req.GetBody(); err != nil {
				p.errorf("GetBody for call %d: %v", call+1, err)
			}
		}
		p.settle()
		for _, a := range base.seen() {
			if !a.read {
				continue
			}
			if a.sendErr != nil {
				p.errorf("attempt %d could not read the body: %v", a.n, a.sendErr)
			} else if d := difference(a.sent, content); d != "" {
				p.errorf("attempt %d sent %s", a.n, d)
			}
		}
	}
}

// whileWriting lets a goroutine write the upload, as net/http does over HTTP/2, and answers early with code, or fails with
// err. Both the failure and the close of the answer end only when nobody reads the upload any more.
func whileWriting(code int, err error) answer {
	return func(a *attempt) (*http.Response, error) {
		wrote := make(chan struct{})
		go func() {
			defer close(wrote)
			_, _ = io.Copy(io.Discard, a.upload)
		}()
		end := func() error {
			a.closeUpload()
			<-wrote
			return nil
		}
		if err != nil {
			_ = end()
			return nil, err
		}
		return a.stream(code, &endingReader{bytes.NewReader(errorContent(a.n, 120)), end}), nil
	}
}

type endingReader struct {
	io.Reader
	end func() error
}

func (r *endingReader) Close() error { return r.end() }

func uploadProducer(p *probe) {
	for _, s := range []struct {
		name  string
		first answer
	}{
		{"503 while the upload is written", whileWriting(503, nil)},
		{"429 while the upload is written", whileWriting(429, nil)},
		{"413 while the upload is written", whileWriting(413, nil)},
		{"an error while the upload is written", whileWriting(0, errReset)},
	} {
		p := p.in("%s", s.name)
		again := make(chan struct{})
		base := newBase(s.first, func(a *attempt) (*http.Response, error) {
			close(again)
			return status(200)(a)
		}, status(200))
		req := newRequest(p.lasting(), http.MethodPut)
		w, body := streamed(req)
		go func() {
			_, _ = io.WriteString(w, "one, ")
			select {
			case <-again:
				_, _ = io.WriteString(w, "two")
				w.Close()
			case <-body.gone:
			}
		}()
		r := p.call(p.wrapped(base), req)
		if r.took >= lifetime && !r.lost {
			p.errorf("RoundTrip waited for whoever writes the upload, until the deadline")
		}
		if _, err := p.consume(r.resp); err != nil && !errors.Is(err, errReadAfterClose) {
			p.errorf("reading the answer: %v", err)
		}
		p.settle()
		if seen := base.seen(); len(seen) > 1 && string(seen[1].sent) != "one, two" {
			p.errorf("attempt 2 sent %q, %v, want all of the upload", seen[1].sent, seen[1].sendErr)
		}
		if !body.closed() {
			p.errorf("%s was not closed", body.name)
			w.Close()
		}
	}
}
