// Command shared-limit shows one limit shared by four processes.
//
//	cd redissteady && go run ./examples/shared-limit
//
// needs no network and no key, only a redis-server on the PATH: it starts one
// on a free port, an API with a limit of 50 requests a second, and four worker
// processes of 16 goroutines that call it. First each process keeps the limit
// in its own memory, then all share it through Redis; what each sent and what
// the API counted is printed.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

const (
	processes = 4
	perSecond = 50
	jobs      = 75 // for each process

	path = "/v1/chat/completions"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	logging.Disable()
	var err error
	if settings := os.Getenv(workerVariable); settings != "" {
		err = work(settings, os.Stdin, os.Stdout)
	} else {
		err = run(ctx, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "shared-limit:", err)
		os.Exit(1)
	}
}

// run starts everything and prints what came of it.
func run(ctx context.Context, stdout io.Writer) error {
	addr, end, err := startRedis(ctx)
	if err != nil {
		return err
	}
	defer end()
	ideal := time.Duration(processes*jobs) * time.Second / perSecond // no second holds more than that
	fmt.Fprintf(stdout, "%d processes with %d jobs each, %d requests a second allowed: %s at the best\n",
		processes, jobs, perSecond, ideal)
	for _, round := range []struct{ name, redis string }{{"each its own limit, in memory", ""}, {"one limit, in Redis", addr}} {
		fmt.Fprintf(stdout, "\n%s\n", round.name)
		if err := compete(ctx, round.redis, stdout); err != nil {
			return err
		}
	}
	return nil
}

// compete has four processes do their jobs at the same time.
func compete(ctx context.Context, redis string, stdout io.Writer) error {
	api := steadyhttptest.NewServer()
	defer api.Close()
	reply := steadyhttptest.ChatCompletion("done")
	reply.Delay = 20 * time.Millisecond
	api.Script(path, reply)
	api.Limit("*", steadyhttptest.Limit{Requests: perSecond, Window: time.Second})

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	settings, err := json.Marshal(worker{API: api.URL + path, Redis: redis})
	if err != nil {
		return err
	}
	var outputs [processes]*json.Decoder
	var inputs [processes]io.Writer
	for i := range processes {
		cmd := exec.CommandContext(ctx, exe)
		cmd.Env = append(os.Environ(), workerVariable+"="+string(settings))
		cmd.Stderr = os.Stderr
		if inputs[i], err = cmd.StdinPipe(); err != nil {
			return err
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		outputs[i] = json.NewDecoder(out)
		if err := cmd.Start(); err != nil {
			return err
		}
		defer cmd.Wait()
		defer cancel()
	}
	for i := range outputs {
		var ready string
		if err := outputs[i].Decode(&ready); err != nil {
			return fmt.Errorf("worker %d: %w", i+1, err)
		}
	}
	start := time.Now()
	for i := range inputs {
		fmt.Fprintln(inputs[i], "go")
	}
	for i := range outputs {
		var t tally
		if err := outputs[i].Decode(&t); err != nil {
			return fmt.Errorf("worker %d: %w", i+1, err)
		}
		fmt.Fprintf(stdout, "  process %d sent %3d requests for %d jobs, %d of which failed, in %.1f s\n",
			i+1, t.Requests, jobs, t.Failed, t.Seconds)
	}
	answered, refused := api.Limited()
	fmt.Fprintf(stdout, "  the API answered %d and refused %d with a 429; all was done after %.1f s\n",
		answered, refused, time.Since(start).Seconds())
	return nil
}

// startRedis starts a redis-server on a free port. end stops it.
func startRedis(ctx context.Context) (addr string, end func(), err error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return "", nil, fmt.Errorf("no redis-server on this machine; to get one: " +
			"apt-get install redis-server, brew install redis, dnf install redis or apk add redis")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	addr = l.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	l.Close()
	dir, err := os.MkdirTemp("", "shared-limit")
	if err != nil {
		return "", nil, err
	}
	cmd := exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", dir, "--save", "")
	end = func() {
		if cmd.Process != nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
		os.RemoveAll(dir)
	}
	if err := cmd.Start(); err != nil {
		end()
		return "", nil, err
	}
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer client.Close()
	for range 500 {
		if client.Ping(ctx).Err() == nil {
			return addr, end, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	end()
	return "", nil, fmt.Errorf("redis-server does not answer at %s", addr)
}
