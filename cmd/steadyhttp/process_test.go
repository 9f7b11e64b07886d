package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// build builds the program, once.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "steadyhttp")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "steadyhttp")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	out, err := exec.Command("go", "build", "-o", name, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %v\n%s", err, out)
	}
	built = dir
	return name, nil
})

// built is the folder of what build built, for TestMain to remove.
var built string

// program is the built program with arguments. Its times are in UTC.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	name, err := build()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), "TZ=UTC")
	return cmd
}

// entryAt is a log entry so many seconds after the beginning of the year 2000.
func entryAt(seconds int, more string) string {
	return fmt.Sprintf(`{"ts":%d,"http.request.method":"GET","url.full":"https://api.example.com/v1","server.address":"api.example.com","http.response.status_code":200,"attempts":1,"duration":0.5%s}`+"\n",
		946684800+seconds, more)
}

func TestExitCodes(t *testing.T) {
	log := filepath.Join(t.TempDir(), "app.log")
	if err := os.WriteFile(log, []byte(entryAt(0, "")), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, stdin string
		args        []string
		code        int
		stdout      string // is in it; "" if it is empty
		stderr      string
	}{
		{"explained", "", []string{"explain", "429"}, exitOK, "rate_limit", ""},
		{"reviewed", "", []string{"logs", log}, exitOK, "Calls", ""},
		{"help", "", []string{"help"}, exitOK, "Exit codes:", ""},
		{"version", "", []string{"version"}, exitOK, runtime.Version(), ""},
		{"nothing to review", "", []string{"logs"}, exitNothing, "", "the input is empty"},
		{"no command", "", nil, exitUsage, "", "Usage: steadyhttp"},
		{"no such command", "", []string{"repair"}, exitUsage, "", "no command"},
		{"a flag that is none", "", []string{"logs", "-colour"}, exitUsage, "", "-colour"},
		{"a file that is missing", "", []string{"logs", "nosuch.log", log}, exitUsage, "Calls", `"nosuch.log" cannot be read`},
		{"undecided", `{"error":"no"}`, []string{"explain"}, exitUndecided, "Cannot tell", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			cmd := program(t, row.args...)
			var stdout, stderr bytes.Buffer
			cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(row.stdin), &stdout, &stderr
			cmd.Run() // its error is the exit code
			if got := cmd.ProcessState.ExitCode(); got != row.code {
				t.Errorf("got exit code %d, want %d; stderr %q", got, row.code, &stderr)
			}
			for _, stream := range []struct{ name, got, want string }{{"stdout", stdout.String(), row.stdout}, {"stderr", stderr.String(), row.stderr}} {
				if (stream.want == "") != (stream.got == "") || !strings.Contains(stream.got, stream.want) {
					t.Errorf("%s: got %q, want %q in it", stream.name, stream.got, stream.want)
				}
			}
		})
	}
}

// A watched is a program that runs while its input grows.
type watched struct {
	*exec.Cmd
	stdin  io.WriteCloser
	stderr *os.File // read end
	stdout bytes.Buffer
	seen   strings.Builder // of stderr
}

func watch(t *testing.T, args ...string) *watched {
	t.Helper()
	w := &watched{Cmd: program(t, args...)}
	w.Stdout = &w.stdout
	var err error
	if w.stdin, err = w.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	w.stderr, w.Stderr = read, write
	t.Cleanup(func() { read.Close() })
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	read.SetReadDeadline(time.Now().Add(time.Minute))
	return w
}

// await reads stderr until want is in it.
func (w *watched) await(t *testing.T, want string) {
	t.Helper()
	buf := make([]byte, 4096)
	for !strings.Contains(w.seen.String(), want) {
		n, err := w.stderr.Read(buf)
		w.seen.Write(buf[:n])
		if err != nil {
			t.Fatalf("got %q and then %v on stderr, want %q in it", &w.seen, err, want)
		}
	}
}

// ended interrupts the program and returns what it printed at its end.
func (w *watched) ended(t *testing.T) string {
	t.Helper()
	if err := w.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := w.Wait(); err != nil {
		t.Errorf("interrupted: got %v, want exit code 0", err)
	}
	return w.stdout.String()
}

func TestGrowingPipe(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be interrupted on Windows")
	}
	w := watch(t, "logs", "-every", "50ms")
	io.WriteString(w.stdin, entryAt(0, ""))
	w.await(t, "  1 call: 1 succeeded\n")
	io.WriteString(w.stdin, entryAt(1, `,"error.type":"timeout"`)+entryAt(2, `,"waited":1.5`))
	w.await(t, "  3 calls: 2 succeeded, 1 failed; waited 1.5s summed over concurrent calls\n")
	review := w.ended(t)
	for _, want := range []string{"interrupted: the input was not read to its end", "Calls        3"} {
		if !strings.Contains(review, want) {
			t.Errorf("got %s, want %q in it", review, want)
		}
	}
}

// A log that is followed may grow, be renamed and made anew, or be cut to nothing.
func TestFollow(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be interrupted on Windows")
	}
	dir := t.TempDir()
	log, other := filepath.Join(dir, "app.log"), filepath.Join(dir, "other.log")
	write := func(name string, flag int, text string) {
		t.Helper()
		f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|flag, 0o666)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write(log, 0, entryAt(0, ""))
	write(other, 0, entryAt(0, ""))
	w := watch(t, "logs", "-f", "-every", "50ms", log, other, filepath.Join(dir, "nosuch.log"))
	w.await(t, `nosuch.log" cannot be read`)
	w.await(t, "  2 calls: ")

	half := len(entryAt(1, "")) / 2
	write(log, os.O_APPEND, entryAt(1, "")[:half])
	write(other, os.O_APPEND, entryAt(1, ""))
	w.await(t, "  3 calls: ")
	write(log, os.O_APPEND, entryAt(1, "")[half:])
	w.await(t, "  4 calls: ")

	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	write(log+".1", os.O_APPEND, entryAt(2, "")) // by who has it open still
	write(log, 0, entryAt(3, ""))
	w.await(t, "  6 calls: ")

	write(log, os.O_TRUNC, "")
	time.Sleep(4 * followEvery) // until the cut has been seen: a file that is cut and grows beyond what it was looks as if it had grown
	write(log, os.O_APPEND, entryAt(4, ""))
	w.await(t, "  7 calls: ")

	if err := w.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	w.Wait()
	if got := w.ProcessState.ExitCode(); got != exitUsage {
		t.Errorf("got exit code %d, want %d: one file was missing", got, exitUsage)
	}
	review := w.stdout.String()
	if !strings.Contains(review, "Calls        7") || !strings.Contains(review, "Not reviewed") || strings.Contains(review, "interrupted") {
		t.Errorf("got %s, want 7 calls, what was not reviewed, and no interruption", review)
	}
}

func TestVersion(t *testing.T) {
	for _, row := range []struct {
		name string
		info debug.BuildInfo
		want string
	}{
		{"nothing known", debug.BuildInfo{}, "steadyhttp (devel)\nbuilt with "},
		{"installed", debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "steadyhttp v1.2.3\nbuilt with "},
		{"a working copy", debug.BuildInfo{Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "0123abc"}, {Key: "vcs.time", Value: "2026-01-31T14:30:00Z"}, {Key: "vcs.modified", Value: "true"},
		}}, "steadyhttp (devel)\ncommit     0123abc of 2026-01-31T14:30:00Z, with changes that are not committed\nbuilt with "},
	} {
		if got := versionText(&row.info); !strings.HasPrefix(got, row.want) {
			t.Errorf("%s: got %q, want it to begin with %q", row.name, got, row.want)
		}
	}
}
