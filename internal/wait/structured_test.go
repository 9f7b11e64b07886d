package wait_test

import (
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp/internal/wait"
)

var structured = []struct {
	field string
	want  int // members; -1 if it is malformed
}{
	{"", 0},
	{`"default";r=50;t=30`, 1},
	{`"a";r=50;t=30, "b" ;r=1`, -1}, // no space may precede the semicolon
	{`"a"; r=50;  t=30,	"b";r=1`, 2},
	{`"a \"quoted\" \\ name";q=1`, 1},
	{`default;r=50;t=30`, 1},
	{`limit=100, remaining=50, reset=30`, 3},
	{`100;w=60, 1000;w=3600;burst=10`, 2},
	{`"p";q=1;pk=:c2VjcmV0:;x=?1;y=1.5;z=@1700000000`, 1},
	{`a, z, A, Z`, 4},
	{`"a";a=1;z=1;za=1;az=1;*x=1`, 1},
	{`"a";{=1`, -1},
	{`"a";x=?0`, 1},
	{`"a";x=123456789012.123`, 1},
	{`"a";x=1234567890123.1`, -1},
	{`"a";x=1.`, -1},
	{`"a";x=?2`, -1},
	{`"a";x=?`, -1},
	{`"a";x=@`, -1},
	{`"a";x=(`, -1},
	{`*a`, 1},
	{`"` + strings.Repeat("a", 2046) + `"`, 1},
	{`"` + strings.Repeat("a", 2047) + `"`, -1},
	{`"a",`, -1},
	{`"a" "b"`, -1},
	{`"a`, -1},
	{`"a\x"`, -1},
	{"\"a\x7f\"", -1},
	{`"a";R=1`, -1},
	{`"a";r=`, -1},
	{`"a";r=1234567890123456`, -1},
	{`"a";r=1.2345`, -1},
	{`("a" "b");r=1`, -1},
	{`"a";pk=:c2V`, -1},
	{strings.Repeat(`"a", `, 20) + `"a"`, -1},
	{`"a"` + strings.Repeat(`;r=1`, 9), -1},
	{`"` + strings.Repeat("a", 3000) + `"`, -1},
}

func TestStructured(t *testing.T) {
	for _, tt := range structured {
		got, ok := wait.ReadField(tt.field)
		if !ok {
			got = -1
		}
		if got != tt.want {
			t.Errorf("field %q: got %d members, want %d", tt.field, got, tt.want)
		}
	}
}

func FuzzStructured(f *testing.F) {
	for _, tt := range structured {
		f.Add(tt.field)
	}
	f.Fuzz(func(t *testing.T, field string) {
		n, ok := wait.ReadField(field)
		if n > 16 || !ok && n != 0 {
			t.Errorf("field %q: got %d members, %v", field, n, ok)
		}
		// A field that is well formed stays so beside another.
		if again, fine := wait.ReadField(`"a";r=1, ` + field); ok && n > 0 && n < 16 && len(field) < 2000 && (!fine || again != n+1) && strings.TrimLeft(field, " ") == field {
			t.Errorf("field %q behind another: got %d members, %v, want %d", field, again, fine, n+1)
		}
	})
}
