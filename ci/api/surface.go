package main

import (
	"fmt"
	"go/constant"
	"go/types"
	"slices"
	"strconv"
	"strings"
	"time"
)

// surface lists what p exports, a line for each constant, variable, function,
// method and type, and for each exported member of a struct or an interface.
func surface(p *types.Package) []string {
	l := lister{pkg: p, seen: map[*types.TypeName]bool{}}
	for _, name := range p.Scope().Names() {
		if obj := p.Scope().Lookup(name); obj.Exported() {
			l.object(obj)
		}
	}
	slices.Sort(l.lines)
	return slices.Compact(l.lines)
}

type lister struct {
	pkg   *types.Package
	seen  map[*types.TypeName]bool // the types that are listed
	lines []string
}

func (l *lister) add(format string, args ...any) {
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *lister) object(obj types.Object) {
	switch obj := obj.(type) {
	case *types.Const:
		l.add("const %s %s = %s", obj.Name(), l.source(obj.Type()), value(obj))
	case *types.Var:
		l.add("var %s %s", obj.Name(), l.source(obj.Type()))
	case *types.Func:
		l.add("func %s", l.call(obj))
	case *types.TypeName:
		l.typ(obj)
	}
}

// typ lists a type, its members and its methods.
func (l *lister) typ(name *types.TypeName) {
	if l.seen[name] {
		return
	}
	l.seen[name] = true
	if alias, ok := name.Type().(*types.Alias); ok {
		l.add("type %s = %s", l.source(alias), l.source(alias.Rhs()))
		l.reached(alias.Rhs())
		return
	}
	head := l.source(name.Type())
	switch t := name.Type().Underlying().(type) {
	case *types.Struct:
		l.add("type %s struct", head)
		l.fields(name, t)
	case *types.Interface:
		l.add("type %s interface", head)
		l.elements(name, t)
	default:
		l.add("type %s %s", head, l.source(t))
	}
	if named, ok := name.Type().(*types.Named); ok {
		for m := range named.Methods() {
			if m.Exported() {
				recv := m.Signature().Recv()
				l.add("func (%s) %s", strings.TrimSpace(recv.Name()+" "+l.source(recv.Type())), l.call(m))
			}
		}
	}
}

func (l *lister) fields(of *types.TypeName, s *types.Struct) {
	for f := range s.Fields() {
		switch {
		case f.Embedded():
			l.add("type %s, embedded %s", l.name(of), l.source(f.Type()))
			l.reached(f.Type())
		case f.Exported():
			l.add("type %s, %s %s", l.name(of), f.Name(), l.source(f.Type()))
		}
	}
}

// elements lists an interface's methods, and the types and unions in it. That
// it has methods which nobody else can write is part of what it promises.
func (l *lister) elements(of *types.TypeName, i *types.Interface) {
	for m := range i.ExplicitMethods() {
		if m.Exported() {
			l.add("type %s, %s %s", l.name(of), m.Name(), l.source(m.Type()))
		} else {
			l.add("type %s, unexported methods", l.name(of))
		}
	}
	for e := range i.EmbeddedTypes() {
		l.add("type %s, embedded %s", l.name(of), l.source(e))
		l.reached(e)
	}
}

// reached lists a type that others cannot name, but whose members they can use
// since a type that they can name embeds it, or is another name for it.
func (l *lister) reached(t types.Type) {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	named, ok := types.Unalias(t).(*types.Named)
	if !ok {
		return
	}
	if name := named.Obj(); internal(name.Pkg()) || name.Pkg() == l.pkg && !name.Exported() {
		l.typ(name)
	}
}

// internal reports whether others cannot import p, which is nil for error.
func internal(p *types.Package) bool {
	return p != nil && slices.Contains(strings.Split(p.Path(), "/"), "internal")
}

// call is a function as its declaration has it, from the name on.
func (l *lister) call(f *types.Func) string {
	return f.Name() + strings.TrimPrefix(l.source(f.Signature()), "func")
}

// name is a type's name without its type parameters.
func (l *lister) name(t *types.TypeName) string {
	if q := l.qualifier(t.Pkg()); q != "" {
		return q + "." + t.Name()
	}
	return t.Name()
}

func (l *lister) source(t types.Type) string { return types.TypeString(t, l.qualifier) }

func (l *lister) qualifier(p *types.Package) string {
	if p == l.pkg {
		return ""
	}
	return p.Name()
}

// value is a constant's value as a program would write it, and a duration's as
// people read it. constant.Value's own String cuts long texts.
func value(c *types.Const) string {
	v := c.Val()
	if n, ok := constant.Int64Val(constant.ToInt(v)); ok && types.TypeString(c.Type(), nil) == "time.Duration" {
		return time.Duration(n).String()
	}
	if v.Kind() == constant.Float {
		f, _ := constant.Float64Val(v) // the nearest is near enough to see a change
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return v.ExactString()
}
