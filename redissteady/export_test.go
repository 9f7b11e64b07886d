package redissteady

// ConstantsLua is what each script begins with.
var ConstantsLua = constantsLua
