package main

import (
	"archive/zip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestPublish(t *testing.T) {
	src, to := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "// about it\nmodule example.com/Mine\n\ngo 1.25\n", "a.go": "package mine\n", "sub/b.go": "package sub\n",
		"nested/go.mod": "module example.com/Mine/nested\n", "nested/c.go": "package nested\n", ".git/config": "",
	} {
		name = filepath.Join(src, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := publish(to, "v1.2.3", src); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(to, "example.com", "!mine", "@v")
	for _, name := range []string{"list", "v1.2.3.info", "v1.2.3.mod"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Error(err)
		}
	}
	z, err := zip.OpenReader(filepath.Join(folder, "v1.2.3.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
	}
	want := []string{"example.com/Mine@v1.2.3/a.go", "example.com/Mine@v1.2.3/go.mod", "example.com/Mine@v1.2.3/sub/b.go"}
	if slices.Sort(names); !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
	if err := publish(to, "v1.2.3", t.TempDir()); err == nil {
		t.Error("no go.mod: got no error")
	}
}
