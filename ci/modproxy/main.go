// Command modproxy writes modules of a source tree into a folder that serves as a Go
// module proxy, as they will be when their tag is pushed:
//
//	go run ./ci/modproxy -to /tmp/proxy -version v0.1.0 . redissteady
//	GOPROXY=file:///tmp/proxy,... go get …
//
// ci/release.sh tries with it what a consumer will get.
package main

import (
	"archive/zip"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
	"unicode"
)

func main() {
	to := flag.String("to", "", "`folder` of the proxy")
	version := flag.String("version", "", "`version` that the modules get")
	flag.Parse()
	for _, dir := range flag.Args() {
		if err := publish(*to, *version, dir); err != nil {
			fmt.Fprintln(os.Stderr, "modproxy:", err)
			os.Exit(1)
		}
	}
}

func publish(to, version, dir string) error {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return err
	}
	modulePath := modulePathOf(string(mod))
	if modulePath == "" {
		return fmt.Errorf("%s/go.mod names no module", dir)
	}
	folder := filepath.Join(to, escaped(modulePath), "@v")
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	info := fmt.Sprintf("{\"Version\":%q,\"Time\":%q}\n", version, time.Now().UTC().Format(time.RFC3339))
	for name, text := range map[string]string{"list": version + "\n", version + ".info": info, version + ".mod": string(mod)} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o666); err != nil {
			return err
		}
	}
	f, err := os.Create(filepath.Join(folder, version+".zip"))
	if err != nil {
		return err
	}
	z := zip.NewWriter(f)
	err = addFiles(z, modulePath+"@"+version, os.DirFS(dir))
	return errors.Join(err, z.Close(), f.Close())
}

// modulePathOf reads the module line of a go.mod.
func modulePathOf(mod string) string {
	for line := range strings.Lines(mod) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "module" {
			return strings.Trim(f[1], `"`)
		}
	}
	return ""
}

// escaped is a module's path as proxies have it: they are served by file systems that do
// not tell capitals from small letters.
func escaped(modulePath string) string {
	var b strings.Builder
	for _, r := range modulePath {
		if unicode.IsUpper(r) {
			b.WriteByte('!')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// addFiles adds the files of a module, without those of modules within it.
func addFiles(z *zip.Writer, prefix string, fsys fs.FS) error {
	return fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, nested := fs.Stat(fsys, path.Join(name, "go.mod"))
			if name != "." && (nested == nil || d.Name() == ".git" || d.Name() == "vendor") {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		w, err := z.Create(prefix + "/" + name)
		if err == nil {
			_, err = w.Write(text)
		}
		return err
	})
}
