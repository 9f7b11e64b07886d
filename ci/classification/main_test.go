package main

import (
	"os"
	"testing"
)

func TestDocumentIsThatOfTheCode(t *testing.T) {
	got, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != document() {
		t.Errorf("%s is not what the code says: go run ./ci/classification -w", name)
	}
}
