package redissteady_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// A redisServer is one of this test's own, on a free port.
type redisServer struct {
	t    testing.TB
	args []string
	addr string
	cmd  *exec.Cmd
}

// startRedis starts a redis-server with further settings; it is stopped when the
// test is over.
func startRedis(t testing.TB, settings ...string) *redisServer {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		const missing = "redis-server is not on the PATH: ci/setup.sh installs it"
		if os.Getenv("CI") != "" { // where nothing may be left out
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	port := freePort(t)
	s := &redisServer{t: t, addr: "127.0.0.1:" + port}
	s.args = append([]string{"--bind", "127.0.0.1", "--port", port, "--dir", t.TempDir(), "--save", "", "--appendonly", "no"}, settings...)
	s.start()
	t.Cleanup(s.kill)
	return s
}

// freePort returns a port with room for that of the cluster's bus, 10,000 above.
func freePort(t testing.TB) string {
	t.Helper()
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if port < 55_000 {
			return strconv.Itoa(port)
		}
	}
}

// start starts it, with nothing in it, and waits until it answers.
func (s *redisServer) start() {
	s.t.Helper()
	s.cmd = exec.Command("redis-server", s.args...)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	client := s.dial()
	defer client.Close()
	for range 500 {
		if client.Ping(context.Background()).Err() == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("redis-server does not answer at %s", s.addr)
}

// kill ends it as a crash would.
func (s *redisServer) kill() {
	if s.cmd != nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *redisServer) dial() *redis.Client { return redis.NewClient(&redis.Options{Addr: s.addr}) }

// client returns one that is closed when the test is over.
func (s *redisServer) client() *redis.Client {
	c := s.dial()
	s.t.Cleanup(func() { c.Close() })
	return c
}

// calls returns how often a command was called, by the server's count.
func calls(t testing.TB, c redis.UniversalClient, command string) int {
	t.Helper()
	info, err := c.Info(context.Background(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(info, "cmdstat_"+command+":calls=")
	if !ok {
		return 0
	}
	n, _, _ := strings.Cut(rest, ",")
	count, err := strconv.Atoi(n)
	if err != nil {
		t.Fatal(err)
	}
	return count
}

// percentile returns the p-th of durations, of which it needs some.
func percentile(all []time.Duration, p float64) time.Duration {
	slices.Sort(all)
	return all[min(int(float64(len(all))*p/100), len(all)-1)]
}
