package integration

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/storage"
	"connectrpc.com/connect"
	"github.com/minio/minio-go/v7"
	docker "github.com/moby/moby/client"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// An upload is one way in which an SDK sends a file.
type upload struct {
	name string
	send func(ctx context.Context, client *http.Client, file []byte) error
	side int // how many requests with bytes it makes side by side; 0 is one

	// hasty is that of an sdk: what rewinds a reader, or unmaps its memory, while it is
	// being sent breaks by itself where the answer comes early, so that is left out.
	hasty bool
}

var waysToUpload = []upload{
	{name: "azblob, from memory", hasty: true, send: func(ctx context.Context, client *http.Client, file []byte) error {
		c, err := newAzureBlob(client)
		if err != nil {
			return err
		}
		_, err = c.UploadBuffer(ctx, "notes", "notes.txt", file, nil)
		return err
	}},
	{name: "azblob, from a pipe", side: 2, hasty: true, send: func(ctx context.Context, client *http.Client, file []byte) error {
		c, err := newAzureBlob(client)
		if err != nil {
			return err
		}
		_, err = c.UploadStream(ctx, "notes", "notes.txt", pipe(ctx, file), nil)
		return err
	}},
	{name: "minio-go, from memory", hasty: true, send: minioUpload(func(_ context.Context, file []byte) (io.Reader, int64) {
		return bytes.NewReader(file), int64(len(file))
	})},
	{name: "minio-go, from a pipe", send: minioUpload(func(ctx context.Context, file []byte) (io.Reader, int64) { return pipe(ctx, file), int64(len(file)) })},
	{name: "minio-go, from a pipe of unknown length", hasty: true, send: minioUpload(func(ctx context.Context, file []byte) (io.Reader, int64) { return pipe(ctx, file), -1 })},
	{name: "Google Cloud Storage, at once", send: cloudStorageUpload(16 << 20)},
	{name: "Google Cloud Storage, in chunks", hasty: true, send: cloudStorageUpload(256 << 10)},
	{name: "Google Cloud Storage, as it comes", send: cloudStorageUpload(0)},
	{name: "connect-go, one message", send: func(ctx context.Context, client *http.Client, file []byte) error {
		store := newConnect[wrapperspb.BytesValue, wrapperspb.StringValue](client, "Store")
		_, err := store.CallUnary(ctx, connect.NewRequest(wrapperspb.Bytes(file)))
		return err
	}},
	{name: "connect-go, a stream", send: func(ctx context.Context, client *http.Client, file []byte) error {
		parts := newConnect[wrapperspb.BytesValue, wrapperspb.StringValue](client, "Stream").CallClientStream(ctx)
		for len(file) > 0 && parts.Send(wrapperspb.Bytes(file[:4*block])) == nil {
			file = file[4*block:]
		}
		_, err := parts.CloseAndReceive()
		return err
	}},
	{name: "Docker, a file from memory", send: dockerUpload(func(ctx context.Context, c *docker.Client, file []byte) error {
		_, err := c.CopyToContainer(ctx, "greeter", docker.CopyToContainerOptions{DestinationPath: "/", Content: bytes.NewReader(file)})
		return err
	})},
	{name: "Docker, a file from a pipe", send: dockerUpload(func(ctx context.Context, c *docker.Client, file []byte) error {
		_, err := c.CopyToContainer(ctx, "greeter", docker.CopyToContainerOptions{DestinationPath: "/", Content: pipe(ctx, file)})
		return err
	})},
	{name: "Docker, an image from a pipe", send: dockerUpload(func(ctx context.Context, c *docker.Client, file []byte) error {
		loaded, err := c.ImageLoad(ctx, pipe(ctx, file))
		if err == nil {
			loaded.Close()
		}
		return err
	})},
}

func minioUpload(open func(ctx context.Context, file []byte) (io.Reader, int64)) func(context.Context, *http.Client, []byte) error {
	return func(ctx context.Context, client *http.Client, file []byte) error {
		c, err := newMinIO(client)
		if err != nil {
			return err
		}
		r, size := open(ctx, file)
		_, err = c.PutObject(ctx, "steady", "notes.txt", r, size, minio.PutObjectOptions{PartSize: 5 << 20})
		return err
	}
}

func cloudStorageUpload(chunk int) func(context.Context, *http.Client, []byte) error {
	return func(ctx context.Context, client *http.Client, file []byte) error {
		c, err := newCloudStorage(client)
		if err != nil {
			return err
		}
		c.SetRetry(storage.WithMaxAttempts(4))
		w := c.Bucket("steady").Object("notes.txt").NewWriter(ctx)
		w.ChunkSize, w.DisableAutoChecksum = chunk, true
		if _, err := w.Write(file); err != nil {
			w.Close()
			return err
		}
		return w.Close()
	}
}

func dockerUpload(send func(context.Context, *docker.Client, []byte) error) func(context.Context, *http.Client, []byte) error {
	return func(ctx context.Context, client *http.Client, file []byte) error {
		c, err := newDocker("tcp://docker.example:2375", client)
		if err != nil {
			return err
		}
		return send(ctx, c, file)
	}
}

// pipe has a producer of its own, as long as ctx lasts, and can be read once.
func pipe(ctx context.Context, file []byte) io.Reader {
	r, w := io.Pipe()
	context.AfterFunc(ctx, func() { r.Close() })
	go func() {
		_, err := w.Write(file)
		w.CloseWithError(err)
	}()
	return r
}

// block is what a file is compared by. Each is another.
const block = 8 << 10

func blocks(n int) []byte {
	file := make([]byte, 0, n*block)
	for i := range n * block / 8 {
		file = binary.BigEndian.AppendUint64(file, uint64(i)*0x9e3779b97f4a7c15)
	}
	return file
}

// A shop takes what all of these SDKs upload, as their servers do. It gives
// trouble to those requests that have bytes of the file.
type shop struct {
	trouble func(w http.ResponseWriter, r *http.Request, n int) bool // n is 1 for the first; false is none

	mu    sync.Mutex // guards what follows
	asked int        // requests with bytes
	taken [][]byte   // the bodies that were answered with success
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	switch {
	case r.URL.Path == "/_ping":
		w.Header().Set("Api-Version", "1.50")
		return
	case q.Has("uploads"): // S3: begins an upload in parts
		io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>")
		return
	case q.Get("uploadType") == "resumable" && r.Method == http.MethodPost:
		w.Header().Set("Location", "https://storage.googleapis.com/upload?upload_id=1")
		return
	case r.Method == http.MethodDelete, q.Get("comp") == "blocklist":
		w.WriteHeader(http.StatusCreated)
		return
	case r.Method == http.MethodPost && q.Has("uploadId"): // S3: ends it
		io.WriteString(w, "<CompleteMultipartUploadResult><ETag>1</ETag></CompleteMultipartUploadResult>")
		return
	}
	s.mu.Lock()
	s.asked++
	n := s.asked
	s.mu.Unlock()
	if s.trouble(w, r, n) {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.taken = append(s.taken, body)
	s.mu.Unlock()
	s.thank(w, r)
}

// thank is the answer to bytes that were taken.
func (s *shop) thank(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"1"`)
	switch {
	case strings.HasSuffix(r.URL.Path, "/Store"):
		w.Header().Set("Content-Type", "application/proto")
		io.WriteString(w, message("stored"))
	case strings.HasSuffix(r.URL.Path, "/Stream"):
		w.Header().Set("Content-Type", "application/connect+proto")
		io.WriteString(w, envelope(0, message("stored"))+envelope(2, "{}"))
	case strings.HasSuffix(r.Header.Get("Content-Range"), "/*"): // of Google's, and more will come
		_, to, _ := strings.Cut(strings.TrimSuffix(r.Header.Get("Content-Range"), "/*"), "-")
		w.Header().Set("Range", "bytes=0-"+to)
		w.Header().Set("X-Http-Status-Code-Override", "308")
	case strings.HasPrefix(r.Host, "storage."):
		io.WriteString(w, `{"name":"notes.txt"}`)
	case strings.HasPrefix(r.Host, "steady.blob."):
		w.WriteHeader(http.StatusCreated)
	}
}

// has reports whether all of file was taken.
func (s *shop) has(file []byte) bool {
	for ; len(file) > 0; file = file[block:] {
		found := false
		for _, body := range s.taken {
			found = found || bytes.Contains(body, file[:block])
		}
		if !found {
			return false
		}
	}
	return true
}

// answer is trouble of the first times that bytes come: of all, if there is no
// number. Early, it is answered before the body was read.
func answer(status, times int, early bool, header ...string) func(http.ResponseWriter, *http.Request, int) bool {
	return func(w http.ResponseWriter, r *http.Request, n int) bool {
		if times > 0 && n > times {
			return false
		}
		if !early {
			io.Copy(io.Discard, r.Body)
		}
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		return true
	}
}

// cut breaks the connection within the body that comes first.
func cut(_ http.ResponseWriter, r *http.Request, n int) bool {
	if n == 1 {
		io.CopyN(io.Discard, r.Body, block)
		panic(http.ErrAbortHandler)
	}
	return false
}

var uploadTroubles = []struct {
	name    string
	trouble func(http.ResponseWriter, *http.Request, int) bool
	more    int
	early   bool // the answer comes while the body is being sent
}{
	{"none", func(http.ResponseWriter, *http.Request, int) bool { return false }, 0, false},
	{"503, then success", answer(503, 1, false), forAFailure, false},
	{"an early 503, then success", answer(503, 1, true), forAFailure, true},
	{"an early 500, then success", answer(500, 1, true), forAFailure, true},
	{"an early 429 without a wait, then success", answer(429, 1, true, "Retry-After", "0"), forAFailure, true},
	{"cut off, then success", cut, forAFailure, true},
	{"500 for ever", answer(500, 0, false), forAFailure, false},
	{"503 for ever", answer(503, 0, false), forAnOutage, false},
	{"an early 500 for ever", answer(500, 0, true), forAnOutage, true}, // some are lost, since the connection ends with unread bytes
	{"an early 503 for ever", answer(503, 0, true), forAnOutage, true},
}

// What is uploaded arrives whole, and for little more requests, whatever the SDK
// makes its body of and whenever the server answers.
func TestUploadsArriveWhole(t *testing.T) {
	for _, up := range waysToUpload {
		t.Run(up.name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{4, 136} { // steadyhttp keeps 128 blocks of what goes by once
				for _, trouble := range uploadTroubles {
					if up.hasty && trouble.early {
						continue
					}
					t.Run(fmt.Sprintf("%d blocks, %s", size, trouble.name), func(t *testing.T) {
						file := blocks(size)
						without, bareErr := sendTo(t, &shop{trouble: trouble.trouble}, bare, up, file)
						with, err := sendTo(t, &shop{trouble: trouble.trouble}, steady, up, file)
						if bareErr == nil && err != nil {
							t.Errorf("failed after %d requests with %v; bare it succeeded after %d", with.asked, err, without.asked)
						}
						if err == nil && !with.has(file) {
							t.Error("it succeeded, and a part of the file is missing")
						}
						if more, most := with.asked-without.asked, trouble.more*max(up.side, 1); more > most {
							t.Errorf("it took %d requests, and %d bare: %d more, want %d more at the most; it ended with %v, and bare with %v", with.asked, without.asked, more, most, err, bareErr)
						}
					})
				}
			}
		})
	}
}

// sendTo uploads the file to s in a bubble of time.
func sendTo(t *testing.T, s *shop, chain func(http.RoundTripper) http.RoundTripper, up upload, file []byte) (_ *shop, err error) {
	t.Helper()
	srv := steadyhttptest.NewServer()
	defer srv.Close()
	srv.Script("*", steadyhttptest.Reply{Early: true, Handler: s.ServeHTTP})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var base http.RoundTripper = wire(srv)
		if up.hasty {
			base = settled{base}
		}
		err = up.send(ctx, &http.Client{Transport: chain(base)}, file)
		cancel()
		time.Sleep(time.Minute) // what still reads a pipe ends
	})
	return s, err
}
