package debugsteady

import "github.com/steadyhttp/steadyhttp"

// attach has r see what t does.
func (r *recorder) attach(t *steadyhttp.Transport) {}
