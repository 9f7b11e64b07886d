package steadyhttptest

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// maxUnread is how much one end of a connection in memory may send before the other reads it. A net.Pipe takes nothing,
// over which HTTP/2 comes to a halt: both ends write before they read.
const maxUnread = 64 << 10

// memoryConn is one end of a connection in memory that behaves as one of TCP: it has buffers, can be closed by half, and
// can be reset. All waits in it are such that testing/synctest lets the clock run on.
type memoryConn struct{ in, out *memoryStream }

func connectionInMemory() (client, server *memoryConn) {
	up, down := newMemoryStream(), newMemoryStream()
	return &memoryConn{in: down, out: up}, &memoryConn{in: up, out: down}
}

func (c *memoryConn) Read(p []byte) (int, error)  { return c.in.read(p) }
func (c *memoryConn) Write(p []byte) (int, error) { return c.out.write(p) }

func (c *memoryConn) Close() error {
	c.out.end(io.EOF, net.ErrClosed)
	c.in.end(net.ErrClosed, syscall.EPIPE)
	return nil
}

// CloseWrite says that nothing more will come.
func (c *memoryConn) CloseWrite() error {
	c.out.end(io.EOF, net.ErrClosed)
	return nil
}

// reset closes, and has the other end lose what it has not read.
func (c *memoryConn) reset() {
	c.out.end(syscall.ECONNRESET, net.ErrClosed)
	c.in.end(net.ErrClosed, syscall.ECONNRESET)
}

func (c *memoryConn) SetDeadline(t time.Time) error {
	c.in.setDeadline(&c.in.reading, t)
	c.out.setDeadline(&c.out.writing, t)
	return nil
}

func (c *memoryConn) SetReadDeadline(t time.Time) error {
	c.in.setDeadline(&c.in.reading, t)
	return nil
}

func (c *memoryConn) SetWriteDeadline(t time.Time) error {
	c.out.setDeadline(&c.out.writing, t)
	return nil
}

func (c *memoryConn) LocalAddr() net.Addr  { return memoryAddr{} }
func (c *memoryConn) RemoteAddr() net.Addr { return memoryAddr{} }

type memoryAddr struct{}

func (memoryAddr) Network() string { return "memory" }
func (memoryAddr) String() string  { return hostileName }

// memoryStream is one direction of a connection in memory.
type memoryStream struct {
	mu      sync.Mutex // guards what follows
	changed sync.Cond
	unread  []byte
	reading memoryDeadline
	writing memoryDeadline

	// What reads and writes get once the stream has ended; nil before.
	readErr  error
	writeErr error
}

type memoryDeadline struct {
	timer  *time.Timer
	passed bool
}

func newMemoryStream() *memoryStream {
	s := new(memoryStream)
	s.changed.L = &s.mu
	return s
}

func (s *memoryStream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.unread) == 0 && s.readErr == nil && !s.reading.passed && len(p) > 0 {
		s.changed.Wait()
	}
	switch {
	case s.reading.passed:
		return 0, memoryError("read", os.ErrDeadlineExceeded)
	case len(s.unread) == 0 && s.readErr == io.EOF:
		return 0, io.EOF
	case len(s.unread) == 0 && s.readErr != nil:
		return 0, memoryError("read", s.readErr)
	}
	n := copy(p, s.unread)
	s.unread = s.unread[n:]
	s.changed.Broadcast()
	return n, nil
}

func (s *memoryStream) write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for n < len(p) && len(s.unread) >= maxUnread && s.writeErr == nil && !s.writing.passed {
			s.changed.Wait()
		}
		switch {
		case s.writeErr != nil:
			return n, memoryError("write", s.writeErr)
		case s.writing.passed:
			return n, memoryError("write", os.ErrDeadlineExceeded)
		case n == len(p):
			return n, nil
		}
		fits := min(len(p)-n, maxUnread-len(s.unread))
		s.unread = append(s.unread, p[n:n+fits]...)
		n += fits
		s.changed.Broadcast()
	}
}

// end ends the stream, once, for who reads and for who writes. Only what ends in io.EOF is read to its end.
func (s *memoryStream) end(readErr, writeErr error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readErr != io.EOF && s.readErr != nil {
		return
	}
	if readErr != io.EOF {
		s.unread = nil
	}
	s.readErr, s.writeErr = readErr, writeErr
	s.changed.Broadcast()
}

func (s *memoryStream) setDeadline(d *memoryDeadline, t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
	d.timer, d.passed = nil, !t.IsZero() && time.Until(t) <= 0
	if !t.IsZero() && !d.passed {
		var timer *time.Timer
		timer = time.AfterFunc(time.Until(t), func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if d.timer == timer { // else it was stopped a moment too late
				d.passed = true
				s.changed.Broadcast()
			}
		})
		d.timer = timer
	}
	s.changed.Broadcast()
}

func memoryError(op string, err error) error {
	return &net.OpError{Op: op, Net: "memory", Addr: memoryAddr{}, Err: err}
}
