"""Public mail domains: those where anybody can have an address.

They never say which organisation a sender belongs to, and replies to them have a limit of their own. Only
large free providers and the mail domains of large access providers stand here; a missing one costs a
limit that is too tight, a wrong one joins strangers, so when in doubt a domain is listed.
"""

from __future__ import annotations

from typing import Final

_LISTED: Final = """
gmail.com googlemail.com
outlook.com outlook.de outlook.fr outlook.es outlook.it outlook.pt outlook.at outlook.be outlook.dk
outlook.ie outlook.cz outlook.hu outlook.sk outlook.jp outlook.kr outlook.in outlook.sa outlook.sg
outlook.ph outlook.my outlook.cl outlook.co.id outlook.co.th outlook.com.ar outlook.com.au outlook.com.br
outlook.com.gr outlook.com.tr outlook.com.vn
hotmail.com hotmail.co.uk hotmail.fr hotmail.de hotmail.it hotmail.es hotmail.be hotmail.nl hotmail.se
hotmail.no hotmail.dk hotmail.fi hotmail.ch hotmail.ca hotmail.gr hotmail.co.jp hotmail.co.th
hotmail.com.ar hotmail.com.au hotmail.com.br hotmail.com.mx hotmail.com.tr
live.com live.co.uk live.fr live.de live.it live.nl live.be live.se live.no live.dk live.ca live.jp
live.cl live.cn live.in live.com.ar live.com.au live.com.mx live.com.pt live.co.za
msn.com passport.com windowslive.com
yahoo.com yahoo.co.uk yahoo.fr yahoo.de yahoo.it yahoo.es yahoo.ca yahoo.ie yahoo.in yahoo.co.in
yahoo.co.jp yahoo.co.id yahoo.co.kr yahoo.co.nz yahoo.co.th yahoo.co.za yahoo.com.ar yahoo.com.au
yahoo.com.br yahoo.com.cn yahoo.com.co yahoo.com.hk yahoo.com.mx yahoo.com.my yahoo.com.pe yahoo.com.ph
yahoo.com.sg yahoo.com.tr yahoo.com.tw yahoo.com.ve yahoo.com.vn yahoo.cn yahoo.gr yahoo.dk yahoo.no
yahoo.se yahoo.pl yahoo.ro yahoo.be yahoo.nl yahoo.pt yahoo.cl yahoo.fi yahoo.cz yahoo.hu yahoo.at
yahoo.ne.jp ymail.com rocketmail.com myyahoo.com
aol.com aol.co.uk aol.fr aol.de aol.it aol.es aim.com love.com games.com wow.com netscape.net
netscape.com compuserve.com cs.com verizon.net
icloud.com me.com mac.com
proton.me protonmail.com protonmail.ch pm.me tutanota.com tutanota.de tutamail.com tuta.io tuta.com
keemail.me hushmail.com hush.com startmail.com mailfence.com runbox.com posteo.de posteo.net mailbox.org
fastmail.com fastmail.fm fastmail.net fastmail.org fastmail.us fastmail.co.uk messagingengine.com
sent.com hey.com duck.com simplelogin.com anonaddy.com relay.firefox.com mozmail.com
privaterelay.appleid.com
zoho.com zoho.eu zohomail.com zohomail.eu zohomail.in rediffmail.com rediff.com
mail.com email.com usa.com consultant.com europe.com post.com myself.com iname.com asia.com dr.com
engineer.com cheerful.com techie.com writeme.com inbox.com inbox.lv inbox.lt inbox.eu lycos.com excite.com
gmx.com gmx.net gmx.de gmx.at gmx.ch gmx.eu gmx.us gmx.fr gmx.co.uk web.de t-online.de freenet.de
arcor.de online.de vodafone.de kabelmail.de email.de mail.de magenta.de unity-mail.de
bluewin.ch hispeed.ch sunrise.ch aon.at chello.at a1.net kabsi.at utanet.at
orange.fr wanadoo.fr free.fr sfr.fr laposte.net bbox.fr neuf.fr numericable.fr club-internet.fr
aliceadsl.fr
cegetel.net libertysurf.fr voila.fr orange.es telefonica.net terra.es movistar.es ono.com
libero.it virgilio.it tin.it alice.it tiscali.it tim.it fastwebnet.it iol.it inwind.it poste.it email.it
sapo.pt clix.pt netcabo.pt telepac.pt mail.telepac.pt iol.pt
ziggo.nl kpnmail.nl kpnplanet.nl planet.nl hetnet.nl home.nl xs4all.nl upcmail.nl casema.nl chello.nl
telenet.be skynet.be proximus.be scarlet.be voo.be
btinternet.com btopenworld.com sky.com virginmedia.com virgin.net ntlworld.com blueyonder.co.uk
talktalk.net talk21.com tiscali.co.uk o2.co.uk plusnet.com plus.com eircom.net
bredband.net spray.se comhem.se tele2.se online.no broadpark.no getmail.no mail.dk jubii.dk
ofir.dk tdcadsl.dk webspeed.dk luukku.com suomi24.fi kolumbus.fi elisanet.fi saunalahti.fi
wp.pl o2.pl onet.pl onet.eu op.pl poczta.onet.pl interia.pl interia.eu poczta.fm vp.pl gazeta.pl tlen.pl
seznam.cz email.cz centrum.cz atlas.cz volny.cz post.cz azet.sk zoznam.sk centrum.sk
freemail.hu citromail.hu t-online.hu indamail.hu abv.bg mail.bg dir.bg otenet.gr forthnet.gr in.gr
yandex.ru yandex.com yandex.ua yandex.by yandex.kz ya.ru mail.ru bk.ru list.ru inbox.ru internet.ru
rambler.ru lenta.ru ro.ru autorambler.ru myrambler.ru ukr.net i.ua meta.ua bigmir.net tut.by
mail.ee hot.ee walla.co.il walla.com bezeqint.net netvision.net.il 012.net.il mynet.com superonline.com
qq.com foxmail.com vip.qq.com 163.com 126.com yeah.net vip.163.com sina.com sina.cn sohu.com tom.com
21cn.com aliyun.com 139.com 189.cn wo.cn naver.com daum.net hanmail.net nate.com kakao.com
docomo.ne.jp ezweb.ne.jp au.com softbank.ne.jp i.softbank.jp nifty.com ocn.ne.jp biglobe.ne.jp
so-net.ne.jp
excite.co.jp infoseek.jp goo.jp hinet.net pchome.com.tw seed.net.tw netvigator.com singnet.com.sg
bol.com.br uol.com.br terra.com.br ig.com.br globo.com globomail.com r7.com oi.com.br zipmail.com.br
prodigy.net.mx fibertel.com.ar arnet.com.ar speedy.com.ar ciudad.com.ar vtr.net adinet.com.uy
bigpond.com bigpond.net.au optusnet.com.au iinet.net.au tpg.com.au westnet.com.au internode.on.net
dodo.com.au xtra.co.nz slingshot.co.nz vodafone.co.nz webmail.co.za mweb.co.za telkomsa.net vodamail.co.za
comcast.net att.net sbcglobal.net bellsouth.net ameritech.net pacbell.net swbell.net snet.net flash.net
prodigy.net nvbell.net cox.net charter.net spectrum.net rr.com roadrunner.com twc.com optonline.net
optimum.net earthlink.net mindspring.com peoplepc.com juno.com netzero.net netzero.com frontier.com
frontiernet.net centurylink.net centurytel.net embarqmail.com q.com qwest.net windstream.net
suddenlink.net
mchsi.com cableone.net wowway.com rcn.com tds.net hughes.net wildblue.net ptd.net atlanticbb.net
rogers.com bell.net sympatico.ca shaw.ca telus.net videotron.ca cogeco.ca eastlink.ca sasktel.net mts.net
"""

PUBLIC_DOMAINS: Final = frozenset(_LISTED.split())


def is_public(domain: str) -> bool:
    """Whether anybody can have an address at `domain`, whatever its case; subdomains do not count."""
    return domain.lower() in PUBLIC_DOMAINS
