package dialect

import "strings"

// LikelyHost names the host that an answer most likely comes from, for somebody who
// explains it and was not told, and the sign that says so; "" if nothing does. A
// shape alone is no sign, since others imitate it: it takes a header that only that
// provider sends, or a link to its own pages in a member of its own.
//
// What it returns is no proof, and no verdict on traffic goes by it.
func LikelyHost(a Answer) (host, sign string) {
	r := readers.Get().(*reader)
	defer r.free()
	r.read(a.Body)
	f := tables().byShape(r, a.Header)
	if f == nil || len(f.hosts) == 0 || f.hosts[0][0] == '.' || f.hosts[0][0] == '-' {
		return "", ""
	}
	host = f.hosts[0]
	for _, signs := range f.signs {
		for i := range signs {
			if name := signs[i].header; name != "" && signs[i].holds(r, a.Header) {
				return host, "the header " + name
			}
		}
	}
	for _, p := range linkMembers {
		link := r.tree.textAt(p.path)
		site, _, _ := strings.Cut(strings.TrimPrefix(link, "https://"), "/")
		if link != site && sameDomain(site, host) && !strings.Contains(link, "enterprise") { // GitHub's own servers at customers link there too
			return host, p.name
		}
	}
	return "", ""
}

// linkMembers are where providers link to their documentation.
var linkMembers = []struct {
	name string
	path path
}{
	{"the link in documentation_url", pathOf("documentationurl")},
	{"the link in doc_url", pathOf("error.docurl")},
}

// sameDomain reports whether two hosts have the same last two labels.
func sameDomain(a, b string) bool { return a != "" && domain(a) == domain(b) }

func domain(host string) string {
	i := strings.LastIndexByte(host, '.')
	if i < 0 {
		return host
	}
	return host[strings.LastIndexByte(host[:i], '.')+1:]
}
