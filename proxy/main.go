// Command proxy makes the calls of other programs steady: it is an HTTP reverse proxy
// on loopback whose requests go through a [steadyhttp.Transport]. A service in any
// language sets its SDK's base URL to the proxy, and gets what a Go program gets from
// the package: retries that are safe, limits that are kept, failover.
//
//	go run . -to https://api.openai.com
//	curl http://127.0.0.1:8080/v1/models -H "Authorization: Bearer $OPENAI_API_KEY"
//
// The way of a request: guard.go refuses what no caller should send, proxy.go finds the
// upstream and rewrites the request, transport.go has the settings of steadyhttp that
// it goes through, failure.go answers where the upstream did not. server.go puts all
// together, and drain.go ends it. config.go and decode.go read the config file.
//
// docs/proxy.md has the reference.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // an address is taken, for example
	exitUsage  = 2 // bad flags, or a bad config
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal ends the program the hard way
	os.Exit(run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}

type flags struct {
	to, listen, redis, config string
	public, check             bool
}

// run is main without the globals, and so what a test can call. It ends when ctx does
// and the calls that were under way are answered.
func run(ctx context.Context, args []string, getenv func(string) (string, bool), stdout, stderr io.Writer) int {
	f, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage // the flag package has said why
	}
	c, err := load(f, getenv)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	if f.check {
		fmt.Fprintln(stdout, "ok")
		return exitOK
	}
	log := newLog(stderr, c.level())
	defer log.Sync()
	if err := serve(ctx, c, log); err != nil {
		log.Error("the proxy cannot run", zap.Error(err))
		return exitFailed
	}
	return exitOK
}

func parse(args []string, stderr io.Writer) (f flags, err error) {
	set := flag.NewFlagSet("proxy", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.Usage = func() {
		fmt.Fprintf(stderr, "Makes the calls of other programs to an API steady: point their base URL at it.\n\n"+
			"  proxy -to https://api.openai.com\n  proxy -config proxy.json\n\n")
		set.PrintDefaults()
	}
	set.StringVar(&f.to, "to", "", "`URL` of the only upstream, such as https://api.openai.com")
	set.StringVar(&f.listen, "listen", "", "`address` for callers (default "+defaultListen+")")
	set.StringVar(&f.redis, "redis", "", "`address` of a Redis through which several proxies share limits")
	set.StringVar(&f.config, "config", "", "`file` with the config, in JSON; flags win over it")
	set.BoolVar(&f.public, "public", false, "allow an address that other machines reach")
	set.BoolVar(&f.check, "check", false, "only look whether flags and config are right: the code is 0, or 2 with what is wrong")
	if err := set.Parse(args); err != nil {
		return f, err
	}
	if set.NArg() > 0 {
		err = errors.New("there is something after the flags; see -h")
		fmt.Fprintln(stderr, err)
	}
	return f, err
}

// newLog returns a logger that writes a line of JSON for each entry.
func newLog(w io.Writer, level zapcore.Level) *zap.Logger {
	c := zap.NewProductionEncoderConfig()
	c.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	c.EncodeDuration = zapcore.StringDurationEncoder
	return zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(c), zapcore.Lock(zapcore.AddSync(w)), level))
}
