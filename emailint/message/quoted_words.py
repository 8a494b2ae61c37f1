"""What mail programs write around quoted history, in the languages that are known; data only.

English, German, French, Spanish, Italian, Dutch, Portuguese, Danish, Swedish, Norwegian, Finnish, Polish,
Czech, Russian, Chinese (simplified, traditional) and Japanese in full; Hungarian, Turkish, Romanian,
Ukrainian and Korean where they cost a word. Everything is compared in `casefold()`.
"""

# ruff: noqa: RUF001 - letters of other alphabets are meant

from __future__ import annotations

from typing import Final


def _set(words: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in words.split("|"))


def _roles(**words: str) -> dict[str, str]:
    return {word.strip().casefold(): role for role, many in words.items() for word in many.split("|")}


FIELD_ROLES: Final = _roles(
    sender="From|Von|De|Expéditeur|Da|Mittente|Van|Afzender|Remitente|Remetente|Fra|Afsender|Avsender|Från|"
    "Avsändare|Lähettäjä|Od|Nadawca|Odesílatel|Odesilatel|От|От кого|Отправитель|发件人|發件人|"
    "寄件者|寄件人|差出人|送信者|送信元|Feladó|Kimden|Gönderen|De la|Від|Від кого|보낸 사람|보낸사람",
    sent="Sent|Date|Sent at|Sent on|Date/Time|Gesendet|Gesendet am|Datum|Envoyé|Envoyé le|Enviado|Enviado el|"
    "Enviado em|Enviada|Enviada em|Fecha|Data|Inviato|Inviato il|Verzonden|Verzonden op|Sendt|Dato|Skickat|"
    "Skickades|Lähetetty|Päivämäärä|Päiväys|Pvm|Wysłano|Wysłane|Data wysłania|Odesláno|Odesláno dne|"
    "Отправлено|Дата|Дата отправки|发送时间|發送時間|发送日期|日期|傳送時間|寄件日期|時間|"
    "时间|送信日時|送信日|日付|日時|Elküldve|Dátum|Gönderildi|"
    "Tarih|Gönderme Tarihi|Trimis|Надіслано|보낸 날짜|날짜",
    receiver="To|An|À|A|Destinataire|Destinatario|Pour|Para|Aan|Til|Till|Vastaanottaja|Do|Komu|Кому|Получатель|收件人|收件者|"
    "宛先|受信者|Címzett|Kime|Către|받는 사람|받는사람",
    copy="Cc|Bcc|Kopie|Kopie (Cc)|Copie|Copie à|Copia|Cópia|Kopi|Kopia|Kopio|DW|UDW|Copy|Копия|抄送|副本|"
    "密件抄送|Másolat|Bilgi|Копія|참조|Ccn",
    subject="Subject|Betreff|Betr|Objet|Sujet|Asunto|Oggetto|Onderwerp|Assunto|Emne|Ämne|Aihe|Temat|Předmět|Тема|"
    "主题|主題|主旨|件名|Tárgy|Konu|Subiect|제목",
    other="Reply-To|Reply To|Antwort an|Répondre à|Responder a|Rispondi a|Importance|Priority|Wichtigkeit|"
    "Importance haute|Prioridad|Priorità|Prioriteit|Attachments|Anlagen|"
    "Pièces jointes|Datos adjuntos|Allegati|"
    "Bijlagen|Anexos|Vedhæftede filer|Bifogade filer|Liitteet|Załączniki|Přílohy|Вложения|附件|添付ファイル|"
    "Organization|Organisation|Message-ID|Sensitivity|Categories|重要性|重要度",
)
"""Labels of the header block that Outlook and others put above quoted mail, and what each stands for."""

WROTE: Final = (
    r"wrote|writes|has written|schrieb|schreibt|hat geschrieben|geschrieben|a [ée]crit|[ée]crit|"
    r"escribi[óo]|ha escrit|ha scritto|scrisse|schreef|geschreven|escreveu|escrevia|skrev|skreiv|"
    r"kirjoitti|napisa[łl]\(a\)|napisa[łl]a?|pisze|napisana przez|nades[łl]a[łl]\(a\)|napsal\(a\)|"
    r"napsala?|pí[šs]e|написал\(а\)|написала?|пишет|писала?|пише|написав|[íi]rta|yazd[ıi]|"
    r"şunları yazdı|a scris|đã viết|quoting|zitat von|citando|citation de|citerar|citaat van"
)
"""Verbs of reply lines; a regular expression."""

WROTE_CJK: Final = (
    r"写道|寫道|写到|寫到|のメール|のメッセージ|さんは書きました|書きました|さんのメッセージ|작성|wrote"
)

OPENERS: Final = (
    r"on|at|am|um|le|el|il|il giorno|op|em|no dia|a|às|den|dne|dnia|w dniu|"
    r"wiadomość napisana przez|в|在|于|於|le jour|vào|la|pe"
)
"""First words of reply lines, before a date."""

ORIGINAL: Final = _set(
    "Original Message|Original Email|Original Mail|Original|Original Appointment|Original message text|"
    "Reply message|Reply Message|Replied Message|Previous Message|"
    "Ursprüngliche Nachricht|Originalnachricht|Original-Nachricht|Originalmail|Ursprüngliche Mail|"
    "Ursprungliche Nachricht|Originaltermin|Ursprünglicher Termin|Originalmeldung|"
    "Message d'origine|Message d’origine|Message original|Message initial|Courriel original|"
    "Rendez-vous d'origine|Mail original|"
    "Mensaje original|Mensaje de origen|Cita original|Correo original|"
    "Messaggio originale|Messaggio Originale|Appuntamento originale|Messaggio di origine|"
    "Oorspronkelijk bericht|Origineel bericht|Oorspronkelijke bericht|Oorspronkelijke afspraak|"
    "Mensagem original|Mensagem Original|Mensagem de origem|Compromisso original|"
    "Oprindelig meddelelse|Original meddelelse|Oprindelig besked|Opprinnelig melding|Original melding|"
    "Opprinnelig e-post|Oprindelig mail|"
    "Ursprungligt meddelande|Originalmeddelande|Ursprungsmeddelande|Ursprungligt e-postmeddelande|"
    "Alkuperäinen viesti|Alkuperäinen tapaaminen|"
    "Wiadomość oryginalna|Oryginalna wiadomość|Wiadomość pierwotna|Treść oryginalnej wiadomości|"
    "Původní zpráva|Původní e-mail|Originální zpráva|"
    "Исходное сообщение|Исходное письмо|Оригинальное сообщение|Первоначальное сообщение|"
    "Пересылаемое исходное сообщение|Original Message/Исходное сообщение|"
    "原始邮件|原邮件|原始郵件|原始訊息|原邮件信息|"
    "原始信件|回复的原邮件|回复的邮件|邮件原件|原文|"
    "元のメッセージ|オリジナルメッセージ|元のメール|Eredeti üzenet|Özgün İleti|Orijinal Mesaj|Mesaj original|"
    "Вихідне повідомлення|원본 메시지|원본 메일"
)
"""Between dashes, above a mail that is answered."""

FORWARDED: Final = _set(
    "Forwarded message|Forwarded Message|Forwarded Mail|Forwarded mail|Forwarded email|Forwarded by|"
    "Begin forwarded message|Start of forwarded message|Forwarded Letter|"
    "Weitergeleitete Nachricht|Weitergeleitete Mail|Weitergeleitete E-Mail|Weitergeleitet von|"
    "Anfang der weitergeleiteten Nachricht|Anfang der weitergeleiteten E-Mail|"
    "Message transféré|Message transmis|Début du message transféré|Début du message réexpédié|"
    "Courriel transféré|Message transféré de|"
    "Mensaje reenviado|Mensaje Reenviado|Inicio del mensaje reenviado|Mensaje remitido|Correo reenviado|"
    "Messaggio inoltrato|Messaggio Inoltrato|Inizio messaggio inoltrato|Messaggio inoltrato da|"
    "Doorgestuurd bericht|Begin doorgestuurd bericht|Doorgestuurde e-mail|"
    "Mensagem encaminhada|Mensagem Encaminhada|Início da mensagem reenviada|"
    "Início da mensagem encaminhada|Mensagem reencaminhada|Mensagem reenviada|"
    "Começo da mensagem reenviada|"
    "Videresendt meddelelse|Videresendt besked|Start på videresendt besked|Videresendt mail|"
    "Videresendt melding|Videresendte meldingen starter her|Begynnelse på videresendt melding|"
    "Vidarebefordrat meddelande|Vidarebefordrat brev|Vidarebefordrat e-postmeddelande|"
    "Vidarebefordrat mejl|Vidarebefordrat mail|"
    "Välitetty viesti|Edelleenlähetetty viesti|Edelleen lähetetty viesti|Välitetty viesti alkaa|"
    "Välitetyn viestin alku|"
    "Przekazana wiadomość|Wiadomość przekazana dalej|Treść przekazanej wiadomości|"
    "Przesłana wiadomość|Początek przekazanej wiadomości|Początek przekazywanej wiadomości|"
    "Přeposlaná zpráva|Předávaná zpráva|Začátek přeposílané zprávy|Přeposlaný e-mail|"
    "Переадресованное сообщение|Пересылаемое сообщение|Пересланное сообщение|"
    "Начало переадресованного сообщения|"
    "Начало пересылаемого сообщения|Конец пересылаемого сообщения|Пересылаемое письмо|"
    "转发邮件|转发的邮件|转发信息|轉寄郵件|轉寄的郵件|轉寄訊息|"
    "已转发邮件|下面是被转发的邮件|以下是被转发的邮件|"
    "開始轉寄郵件|转发邮件信息|已轉寄郵件|"
    "転送メッセージ|転送されたメッセージ|転送されたメール|転送元メッセージ|Továbbított üzenet|İletilen mesaj|"
    "Mesaj redirecționat|Пересланий лист|전달된 메일|전달된 메시지"
)
"""Between dashes or before a colon, above a mail that is passed on."""

FORWARD_SUBJECTS: Final = _set(
    "fwd|fw|forward|wg|tr|rv|reenv|i|inoltra|doorst|vs|vb|vl|enc|pd|přep|пересл|转发|轉寄|轉發|転送|"
    "továbbítás|ilt|redir"
)
"""Before the colon of the subject of a mail that is passed on. `VS` is Scandinavian for it; in Finnish it
marks an answer, whose history is then kept, which does less harm than a forwarded mail that is cut."""

SENT_FROM: Final = (
    r"(?:this (?:e-?mail|message) was )?sent (?:securely |quickly )?(?:from|via|with|using|by)\b|"
    r"(?:typed|composed|written|posted) (?:on|with|from|using)\b|(?:get|download) |outlook (?:for|"
    r"für|voor)\b|(?:diese (?:nachricht|e-?mail) wurde )?(?:von|mit|über|via|"
    r"aus)\b.*\b(?:gesendet|geschickt|geschrieben|verfasst)\b|(?:gesendet|verschickt|"
    r"geschickt) (?:von|mit|über|via|aus)\b|holen sie sich |laden sie |(?:cet? (?:e-?mail|"
    r"message) a été )?envoy[ée]e? (?:de(?:puis)?|à partir|avec|par|via|d['’])|"
    r"t[ée]l[ée]charge[zr] |obtenez |obtenir |(?:este (?:mensaje|correo) (?:fue|"
    r"ha sido) )?enviad[oa] (?:desde|con|por|mediante|v[ií]a|usando|de|do|da|a partir|pel[oa]|"
    r"com)\b|obtener |obtén |descargar? |obter |obtenha |baixar |baixe |transferir |"
    r"inviat[oa] (?:da|dal|dalla|con|tramite|via)\b|(?:scarica|ottieni) |(?:verzonden|verstuurd|"
    r"gestuurd) (?:vanaf|vanuit|van|met|via)\b|krijg |sendt (?:fra|med|via)\b|(?:hent|få|skaff) |"
    r"skickat? (?:från|med|via|av)\b|skickades från\b|(?:hämta|skaffa) |lähetetty\b|hanki |"
    r"wys[łl]an[eoay] (?:z|za|przy|przez)\b|pobierz |(?:odesl[áa]no|posl[áa]no|zasl[áa]no) (?:z|"
    r"ze|pomocí|přes)\b|získejte |stáhn|отправлено\b|послано с\b|скачать |получите |从我的.*发送|发自|"
    r"發自|"
    r"从.{1,20}发送|來自.*傳送|從我的.*傳送|從.{1,20}傳送|获取|下载|取得|來自我的|.{1,40}から(?:の)?送信|"
    r"outlook .{1,20}(?:herunterladen|downloaden|を入手|hankkiminen)|elküldve |.{1,20}gönderildi|"
    r"trimis de pe |надіслано з |나의 .*보냄|내 .*보냄"
)
"""How a line begins that a phone or a web mail adds below the text; a regular expression."""

DEVICES: Final = (
    r"iphon|ipad|ipod|\bios\b|android|samsung|galaxy|blackberry|black ?berry|huawei|honor|xiaomi|"
    r"redmi|\bmi \d|nokia|xperia|\bsony\b|\bhtc\b|\blg\b|oppo|\bvivo\b|oneplus|pixel|motorola|"
    r"fairphone|lumia|windows|surface|outlook|yahoo|gmail|googlemail|\bmail\b|e-?mail|mail app|"
    r"proton|tutanota|\btuta\b|fastmail|thunderbird|\bspark\b|airmail|bluemail|k-9|aquamail|"
    r"mailbird|\bnine\b|zoho|\baol\b|\bgmx\b|web\.de|t-online|freenet|orange|\bsfr\b|laposte|"
    r"libero|virgilio|mail\.ru|яндекс|yandex|почт|qq|163|网易|foxmail|docomo|softbank|smart-?phone|"
    r"handy|telefon|phone|handheld|tablet|mobil|mobile|puhelim|móvil|teléfono|telefoon|téléphone|"
    r"cellulare|telemóvel|celular|komór|phone|laptop|device|gerät|appareil|dispositivo|toestel|"
    r"enhet|laitte|urządzeni|zařízení|устройств|телефон|смартфон|планшет|手机|手機|设备|裝置|携帯|"
    r"スマートフォン|"
    r"タブレット"
)
OWN_DEVICE: Final = (
    r"\b(?:my|meinem|meiner|mon|ma|mi|mio|mia|mijn|meu|minha|min|mitt|mit|mojego|mého|моего|моей)\b|我的"
)
"""Two signs that such a line speaks of a device and not of a parcel: its kind, or whose it is."""

SENTENCE: Final = r"\b(?:is|are|was|were|that|which|because|but|ist|sind|weil|aber|est|sont|es|son|è)\b"
"""Words of a whole sentence, which such a line is not."""

FOOTERS: Final = (
    r"intended recipient|intended (?:only|solely) for|solely for the (?:use|addressee)|(?:e-?mail|"
    r"message|communication)(?: transmission)?,? (?:and|including|with|together with) (?:any|all|"
    r"its|the) (?:attach|files)|virus-free|checked for viruses|scanned (?:for|by)|\bavast\b|"
    r"you (?:received|are receiving) this (?:message|e-?mail) because|to unsubscribe|"
    r"unsubscribe from|mailing list|(?:e-?mail|nachricht) (?:enthält|kann) vertrauliche|"
    r"bestimmungsgemäße|rechtmäßige[rn]? empfänger|virenfrei|auf viren|(?:ce|cet) (?:message|"
    r"courriel|e-?mail) .{0,80}confidentiel|sans virus|(?:este|esta) (?:mensaje|correo|"
    r"comunicación) .{0,120}confidencial|libre de virus|questo (?:messaggio|"
    r"e-?mail) .{0,120}(?:riservat|confidenzial)|privo di virus|(?:dit|deze) (?:bericht|"
    r"e-?mail) .{0,120}vertrouwelijk|virusvrij|(?:esta|este) (?:mensagem|"
    r"e-?mail) .{0,120}confidencia|(?:denne|detta|tämä) .{0,120}(?:fortrolig|konfidentiell|"
    r"luottamuksel)"
)
"""What mail systems and list servers add below everybody's mail; a regular expression over a paragraph."""

INLINE_HINTS: Final = (
    r"\binline\b|\bin-line\b|\b(?:see|answers?|answered|comments?|commented|repl(?:y|ies|ied)|"
    r"responses?|notes?) (?:\w+ ){0,3}below\b|\bbelow in (?:red|blue|green|bold|caps)\b|"
    r"\bin (?:red|blue|green|purple) (?:below|text|font|ink)\b|\bin (?:red|blue|green)\b|"
    r"\binterspersed\b|\bbetween (?:the|your) lines\b|\bs\. ?u\.|\bsiehe unten\b|\bim text\b|"
    r"\bin (?:rot|blau|grün)\b|\bweiter unten\b|\b(?:antworten?|kommentare?|"
    r"anmerkungen) (?:\w+ ){0,3}unten\b|\bci-dessous\b|\ben (?:rouge|bleu|vert)\b|"
    r"\bdans le (?:texte|corps)\b|\ben (?:rojo|azul|verde)\b|\b(?:respuestas?|"
    r"comentarios?) (?:\w+ ){0,3}(?:abajo|debajo)\b|\bmás abajo\b|\bin (?:rosso|blu)\b|"
    r"\b(?:risposte?|commenti) (?:\w+ ){0,3}sotto\b|\bqui sotto\b|\bin het (?:rood|blauw|groen)\b|"
    r"\bin (?:rood|blauw)\b|\bzie (?:hieronder|onder)\b|"
    r"\b(?:antwoorden?) (?:\w+ ){0,3}hieronder\b|\bem (?:vermelho|azul|verde)\b|"
    r"\brespostas? (?:\w+ ){0,3}abaixo\b|\b(?:ver|veja|vide) (?:\w+ )?abaixo\b|\b(?:med|"
    r"i) (?:rødt|rød|blåt|blått|rött|blått)\b|\b(?:se|svar) (?:\w+ ){0,2}(?:nedenfor|nedan|"
    r"herunder|under)\b|\bpunaisella\b|\bkatso alla\b|\bks\. alla\b|\bna (?:czerwono|niebiesko)\b|"
    r"\bpatrz poniżej\b|\b(?:odpowiedzi) (?:\w+ ){0,3}poniżej\b|\bčerven(?:ě|ou)\b|\bviz níže\b|"
    r"\bкрасным\b|\bсиним\b|\bсм\. ниже\b|\bответы (?:\w+ ){0,3}ниже\b|红色|紅色|蓝色|藍色|见下文|見下文|"
    r"赤字|青字|"
    r"文中に"
)
"""Where the new text says so, there are answers inside the history; a regular expression."""
