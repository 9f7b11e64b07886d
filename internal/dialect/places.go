package dialect

// Where messages are, the most telling first. Names are compared without case,
// '_' and '-'.
var messagePaths = paths(
	"error.message", "error.fault.message", "error.fault.faultstring", "response.error.message", "choices.0.error.message", "error.error.message", "error.errormessage", "error.msg",
	"message", "errormessage", "errorsummary", "errordescription", "description", "msg", "errormsg", "errmsg",
	"message.error", "message.message", "message.text", "message.description", "message.0",
	"detail.message", "detail.error.message", "detail.error", "detail.0.msg", "detail",
	"error.detail", "error.description", "error.reason", "error.title", "error.errors.0.message", "error.0.message",
	"errors.0.message", "errors.0.detail", "errors.0.title", "errors.0.errormessage", "errors.0.description",
	"errormessages.0", "errors.0", "errors", "errors.error.message",
	"data.message", "data.error.message", "baseresp.statusmsg", "fault.faultstring", "fault.error.0.message", "json.errors.0.1",
	"responsemetadata.error.message", "result.message", "status.error", "header.message", "meta.msg", "meta.message",
	"error message", "errors.0.details", "statusmessage", "retmsg", "resultmsg", "resultmessage", "rtnmsg", "returnmsg", "header.resultmsg", "reasontext", "failurereason", "error.info", "error.statusmessage", "error.messages.0", "error.0",
	"meta.errormessage", "status.errormessage", "status.message", "error.errors.message", "faultstring", "error.faultstring",
	"0.message", "0.error.message", "0.errormessage", "err", "title", "reason", "error", "statustext",
	"promptfeedback.blockreasonmessage", "incompletedetails.reason", "details", "xgroq.error", "xgroq.error.message", "errors.message",
	"error.errormsg", "error.errordescription", "error.text", "errortext", "descripcion", "mensaje", "mensagem", "mensajes.0", "erro", "erro.mensagem", "erros.0.mensagem", "erros.0", "fehler", "fehlermeldung", "errors.0.msg", "errors.0.text",
	"response.errors.0.message", "response.errors.0", "response.message", "response.error", "result.error.message", "result.error", "data.error", "data.msg", "messages.message.0.text", "messages.0.errortext",
	"messages.0.text", "messages.0", "response.0.error", "0.error", "fault.message", "fault.description", "fault.reason",
	"errorresponse.submsg", "errorresponse.errormsg", "errorresponse.msg", "errorresponse.message", "errordetails.0.errormessage", "errordetails.0.message",
	"longmessage", "shortmessage", "statusdescription", "ocs.meta.message", "subsonicresponse.error.message", "errorinfo.message", "errorinfo.description", "error.errorstring", "status.msg", "exception.message", "response.error.description", "response.error.info",
	// These may be about anything, and so come last.
	"info", "note", "information", "text", "result",
)

var (
	fieldErrors = pathOf("errors")
	okPath      = pathOf("ok")
	errorPath   = pathOf("error")
	pErrorText  = pathOf("error.0")
)

// morePaths are texts beside the message that may tell more than it does.
var morePaths = paths(
	"error.metadata.raw", "details", "error.details", "detail", "title", "error.metadata.remedyhint", "error.type",
	"errors.0.extensions.userpresentablemessage", "error.errors.0.message", "errors.0.message", "error", "violatedpolicies.0",
	"exception", "exceptionmessage", "error.data.message", "err", "cause", "reason", "error.metadata.previouserrors.0.message", "error.param", "hint", "errorresponse.msg",
)

// Where codes are. A code with letters in it beats a number.
var codePaths = paths(
	"error.code", "error.details.0.reason", "error.details.1.reason", "error.details.2.reason", "error.details.3.reason",
	"error.errors.0.reason", "error.type", "error.metadata.errortype", "error.status",
	"error.innererror.code", "error.providerspecificfields.innererror.code", "error.errorcode", "error.name", "error.category",
	"error.errors.0.code", "error.error.code", "error.error.type",
	"response.error.code", "response.error.type", "choices.0.error.code", "choices.0.error.metadata.errortype",
	"code", "errorcode", "errcode", "errortype", "category", "type", "name", "id", "clientdata.type",
	"typekey", "errorkey", "errorname", "faultcode", "error.typekey", "error.reason..tag", "error..tag", "details.code", "error.details.code", "details",
	"detail.status", "detail.code", "detail.type", "detail.0.type", "status.errorcode", "meta.errorcode", "meta.errortype",
	"errors.0.extensions.code", "errors.0.extensions.type", "errors.0.extensions.exception.code", "errors.0.extensions.contentful.code", "errors.0.code", "errors.0.errorcode", "errors.0.errortype",
	"errors.0.type", "errors.0.reason", "errors.0.id",
	"errors.0.error", "errors.error.code", "0.errorcode", "0.code", "0.error.status", "0.error.code",
	"fault.detail.errorcode", "responsemetadata.error.code", "json.errors.0.0", "sys.id",
	"reason", "status", "promptfeedback.blockreason", "error.code.code", "info",
	"messagecode", "error.errorname", "exceptioncode", "exceptiontype", "messages.message.0.code", "response.errors.0.code", "result.error.code", "data.error.code", "error.fault.code",
	"errors.0.extensions.errorclass", "errors.0.extensions.category", "errors.0.extensions.classification", "errorinfo.code", "errorinfo.errorcode", "exception.code", "status.code", "data.code", "detail.error", "errorresponse.subcode", "errorresponse.code", "messageid", "ecode", "errorid", "err.code", "error.key", "errors.0.name", "errorkind", "error.kind", "error.slug", "error.errorkind", "errorreason", "errorcodes.0", "errorcodename",
)

var (
	topCode     = pathOf("code")
	topID       = pathOf("id")
	topStatus   = pathOf("status")
	topType     = pathOf("type")
	topReason   = pathOf("reason")
	topName     = pathOf("name")
	topDetails  = pathOf("details")
	topDetail   = pathOf("detail")
	topInfo     = pathOf("info")
	topMessage  = pathOf("messageid")
	topErrorID  = pathOf("errorid")
	pErrorKey   = pathOf("error.key")
	pErrorsName = pathOf("errors.0.name")
	pErrorsID   = pathOf("errors.0.id")
	errorCode   = pathOf("error.code")
	errorStatus = pathOf("error.status")
)

// Where numeric codes are.
var numberPaths = paths(
	"error.code", "baseresp.statuscode", "code", "errorcode", "errcode", "errors.0.code", "choices.0.error.code",
	"response.error.code", "error.status", "status", "statuscode", "0.error.code", "header.code", "error.errorcode", "error",
	"retcode", "status.errorcode", "meta.errorcode", "infocode", "status.value", "messages.0.status",
)

var paramPaths = paths(
	"error.param", "param", "error.target", "error.errors.0.location", "errors.0.field", "errors.0.source.pointer", "0.fields.0",
)
