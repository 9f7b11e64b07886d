package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
)

const versionUsage = `Prints the version of steadyhttp, the commit if it is known, and the Go that built it.

  steadyhttp version

Built from a working copy, the version is (devel).
`

// version is the command that prints the version.
func version(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	switch {
	case len(args) == 1 && isHelp(args[0]):
		return written(io.WriteString(stdout, versionUsage))
	case len(args) > 0:
		return fail(stderr, "version takes no argument; see steadyhttp version -h")
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = new(debug.BuildInfo)
	}
	return written(io.WriteString(stdout, versionText(info)))
}

func versionText(info *debug.BuildInfo) string {
	setting := func(key string) string {
		for _, s := range info.Settings {
			if s.Key == key {
				return s.Value
			}
		}
		return ""
	}
	v := info.Main.Version
	if v == "" {
		v = "(devel)"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "steadyhttp %s\n", v)
	if commit := setting("vcs.revision"); commit != "" {
		fmt.Fprintf(&b, "commit     %s", commit)
		if at := setting("vcs.time"); at != "" {
			fmt.Fprintf(&b, " of %s", at)
		}
		if setting("vcs.modified") == "true" {
			b.WriteString(", with changes that are not committed")
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "built with %s for %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return b.String()
}
