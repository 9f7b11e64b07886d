package dialect

// foreignPhrases are what errors say in other languages than English and Chinese. They
// are stems where a language inflects, and what people write without accents stands
// beside it. simple lowers ASCII alone, and so the first letter of a word is left out
// where it may be another capital.
var foreignPhrases = []words{
	// Allowances of a day or a month, and money.
	{Quota, "!404", []string{
		"tageslimit", "tageskontingent", "monatslimit", "monatliches limit", "tägliches limit", "kontingent*erschöpft", "kontingent*aufgebraucht", "guthaben*aufgebraucht", "guthaben*nicht aus",
		"guthaben reicht", "límite diario", "limite diario", "cuota diaria", "límite mensual", "limite mensual", "cuota mensual", "saldo insuficiente", "créditos insuficientes", "creditos insuficientes",
		"sin saldo", "cuota*agotad", "limite diário", "cota diária", "limite mensal", "cota mensal", "cota*excedida", "créditos esgotados",
		"limite quotidienne", "limite journalière", "quota journalier", "quota mensuel", "limite mensuelle", "crédits insuffisants", "solde insuffisant", "crédit épuisé", "crédits épuisés",
		"limite giornaliero", "quota giornaliera", "limite mensile", "credito insufficiente", "credito esaurito", "saldo insufficiente",
		"суточный лимит", "дневной лимит", "дневного лимита", "суточного лимита", "лимит на сутки", "месячный лимит", "едостаточно средств", "израсходовали", "вота исчерпана", "имит исчерпан",
		"ポイントが不足", "ポイント不足", "1日の上限", "日次上限", "月間上限", "本日の上限", "残高不足", "残高が不足", "クレジットが不足", "利用枠", "利用上限",
		"일일 한도", "일일 호출", "일일 사용량", "일일 요청", "월간 한도", "하루 요청", "잔액이 부족", "포인트가 부족", "잔액 부족", "크레딧이 부족",
	}},
	// Rates, and blocks that follow from them.
	{RateLimit, "!404", []string{
		"zu viele anfragen", "zu viele zugriffe", "zu viele aufrufe", "zu viele versuche", "zu viele requests", "anfragelimit", "anfragen pro ", "ratenlimit", "ratenbegrenzung",
		"demasiadas solicitudes", "demasiadas peticiones", "demasiadas consultas", "demasiados intentos", "límite de solicitudes", "límite de peticiones", "límite de consultas", "límite de velocidad", "solicitudes por ",
		"limite de solicitudes", "limite de peticiones", "muitas requisi", "muitas solicita", "muitas chamadas", "muitas consultas", "muitas tentativas", "limite de requisi", "limite de solicita",
		"limite de chamadas", "limite de consultas", "requisições por ", "ultrapassou o limite",
		"trop de requ", "trop de demandes", "trop d'appels", "trop de tentatives", "limite de requ", "limite de débit", "nombre de requêtes",
		"troppe richieste", "troppi tentativi", "troppe chiamate", "limite di richieste", "richieste al ", "te veel verzoeken", "te veel aanvragen", "zbyt wiele", "przekroczono limit",
		"ok fazla istek", "terlalu banyak permintaan", "quá nhiều yêu cầu",
		"лишком много запросов", "лишком часто", "лишком частые", "лимит запросов", "запросов в секунду", "запросов в минуту", "ревышен лимит", "ревышен предел", "ревышена частота", "ревышено количество",
		"リクエストが多すぎ", "リクエスト数が上限", "レート制限", "アクセスが集中", "短時間に", "回数制限", "アクセス制限を超",
		"요청이 너무 많", "너무 많은 요청", "호출 한도", "요청 한도", "호출 제한", "요청 제한", "건수를 초과", "횟수를 초과", "초당 요청", "초당 호출", "호출 횟수", "요청 횟수",
	}},
	{Authentication, "!404 !429 !409", foreignKeys},
	{Authentication, "!404 !429 !409", []string{
		"anmeldung erforderlich", "nicht angemeldet", "nicht authentifiziert", "nicht autorisiert", "authentifizierung fehlgeschlagen", "no autenticado", "no autorizado", "não autenticado",
		"non authentifié", "authentification requise", "non autenticato", "niet geautoriseerd",
		"еверный ключ", "еверный токен", "едействительный токен", "едействительный ключ", "еверный api", "токен*истек", "ребуется авторизация", "е авторизован", "шибка авторизации",
		"apiキーが無効", "無効なapi", "apiキーが正しく", "認証に失敗", "認証エラー", "認証が必要", "トークンが無効", "トークンの有効期限",
		"인증키가", "인증에 실패", "인증 실패", "인증이 필요", "유효하지 않은 토큰", "유효하지 않은 api", "토큰이 만료", "등록되지 않은 인증", "등록되지 않은 키", "등록되지 않은 서비스키",
	}},
	{Overloaded, "!401 !404 !409", []string{
		"überlastet", "server ausgelastet", "sobrecargado", "saturado", "sobrecarregado", "surchargé", "sovraccaric", "ерегружен", "混雑", "過負荷", "과부하",
	}},
	{Unavailable, "200 429 500 502 503", []string{
		"wartungsarbeiten", "nicht verfügbar", "nicht verfuegbar", "nicht erreichbar", "en mantenimiento", "no disponible", "em manuten", "indispon", "en maintenance", "in manutenzione", "non disponibile",
		"ехнические работы", "недоступ", "メンテナンス", "利用できません", "一時的に", "점검 중", "점검중", "일시적으로", "서비스를 사용할 수 없",
	}},
	{Permission, "200 400 401 402 403 451", []string{
		"keine berechtigung", "zugriff verweigert", "nicht berechtigt", "sin permiso", "acceso denegado", "no tiene permiso", "sem permissão", "acesso negado", "accès refusé", "non autorisé", "accesso negato",
		"оступ запрещ", "ет доступа", "едостаточно прав", "権限がありません", "アクセスが拒否", "권한이 없", "접근이 거부",
	}},
}

// foreignKeys are what a key is called, and what may be wrong with it.
var foreignKeys = append(
	cross([]string{"api key", "apikey", "api schlüssel", "token", "zugangsdaten"}, []string{"ungültig", "ungueltig", "falsch", "fehlt", "nicht angegeben", "nicht gültig", "unbekannt", "abgelaufen"}),
	append(
		cross([]string{"api key", "apikey", "clave", "chave", "token", "credenciales", "credenciais"},
			[]string{"inválid", "invalid", "no válid", "incorrect", "incorret", "expirad", "caducad", "vencid", "não informad", "no encontrad"}),
		cross([]string{"clé", "cle api", "jeton", "identifiants", "chiave", "token", "credenziali"}, []string{"invalide", "incorrect", "expiré", "manquant", "non valid", "scadut", "mancante", "errat"})...)...)
