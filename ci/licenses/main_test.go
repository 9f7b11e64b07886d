package main

import (
	"os"
	"testing"
)

func TestLicenseOf(t *testing.T) {
	const bsd = "Redistribution and use in source and binary forms, with or without\nmodification, are permitted provided that\n retain this list of conditions\n"
	for _, row := range []struct{ name, text, want string }{
		{"MIT", "Permission is hereby granted,\n   free of charge, to any person\n\nThe above copyright notice and this permission notice shall", "MIT"},
		{"BSD with three clauses", bsd + "Neither the name of the author", "BSD-3-Clause"},
		{"BSD with two clauses", bsd, "BSD-2-Clause"},
		{"Apache", "Apache License\n  Version 2.0, January 2004", "Apache-2.0"},
		{"one of its own kind", "All rights reserved.", ""},
	} {
		if got := licenseOf(row.text); got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}

func TestNoLicenseIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/LICENSE", []byte("All rights reserved."), 0o666); err != nil {
		t.Fatal(err)
	}
	if got, err := license(dir); err == nil {
		t.Errorf("got %q, want an error", got)
	}
}
