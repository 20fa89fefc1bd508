"""Frequent given names and surnames, to know a column of people's names by its values.

The names are facts of public statistics (the first ranks of birth and census lists of English,
German, French, Spanish, Italian, Dutch and Portuguese speaking countries). A list is never
complete: what it does not find may still be a name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_GIVEN = """
james robert john michael david william richard joseph thomas charles christopher daniel matthew
anthony donald steven andrew paul joshua kenneth kevin brian george timothy ronald edward jason
jeffrey ryan jacob gary nicholas eric jonathan stephen larry justin scott brandon benjamin samuel
gregory frank alexander raymond patrick jack dennis jerry tyler aaron jose adam nathan henry douglas
zachary peter kyle noah ethan walter oliver harry arthur leo oscar archie freddie alfie harold
albert eugene ralph roy louis philip bruce wayne alan juan carl gerald keith roger arnold simon
graham nigel trevor derek colin stuart barry malcolm neil ian martin ruby
mary patricia jennifer linda elizabeth barbara susan jessica karen sarah lisa nancy sandra betty
ashley emily kimberly margaret donna michelle carol amanda melissa deborah stephanie rebecca sharon
laura cynthia dorothy amy kathleen angela shirley emma brenda pamela nicole anna samantha katherine
christine helen debra rachel carolyn janet maria catherine heather diane olivia julie joyce victoria
ruth virginia lauren kelly christina joan evelyn judith andrea hannah megan cheryl jacqueline martha
madison teresa gloria sara janice ann abigail sophia frances jean alice judy isabella julia denise
beverly amber marilyn danielle theresa diana brittany natalie charlotte marie kayla alexis lori
amelia isla ava mia freya florence jane anne gillian susanne fiona alison
hans klaus juergen jurgen guenter gunter wolfgang dieter manfred uwe bernd andreas stefan stephan
frank joerg jorg ralf holger torsten thorsten matthias christian markus sebastian tobias florian
lukas lucas leon finn jonas elias felix maximilian moritz heinz helmut horst gerhard karl werner
walter herbert rolf heinrich friedrich wilhelm otto ernst rudolf georg joachim detlef norbert rainer
reiner gert volker axel sven lars jan tim niklas fabian johannes philipp dominik marcel rene kai
ursula renate ingrid helga monika gisela brigitte karin petra sabine gabriele heike birgit elke
claudia martina kerstin silke anja katrin kathrin nadine stefanie melanie sandra nicole yvonne
tanja sonja simone manuela angelika christa erika gerda hildegard waltraud irmgard elfriede ilse
jutta marianne barbara katharina lena leonie johanna franziska anneliese edith greta frieda
pierre michel philippe alain nicolas christophe patrick daniel bernard eric frederic laurent
stephane pascal olivier thierry dominique francois gerard jean jacques claude guy rene marcel roger
andre henri luc louis antoine julien sebastien guillaume alexandre maxime thibault hugo lucas
enzo mathis theo arthur gabriel raphael yves gilles didier bruno serge
nathalie isabelle sylvie catherine francoise monique valerie christine martine veronique sandrine
celine sophie stephanie aurelie laurence florence brigitte jacqueline nicole chantal camille lea
manon chloe emma ines jade louise alice juliette margaux amandine elodie virginie delphine corinne
genevieve odette simone yvette denise mireille josette
antonio manuel jose francisco juan javier carlos jesus alejandro miguel rafael pedro angel pablo
fernando jorge luis alberto sergio alvaro diego adrian raul enrique ramon vicente joaquin andres
ruben ivan santiago eduardo victor roberto jaime ignacio salvador mario emilio gonzalo guillermo
carmen ana isabel dolores pilar josefa teresa rosa cristina angeles antonia francisca mercedes
concepcion luisa lucia elena rosario marta raquel beatriz silvia patricia rocio montserrat belen
alba irene nuria paula yolanda encarnacion margarita consuelo soledad esperanza
giuseppe giovanni mario luigi francesco angelo vincenzo pietro salvatore carlo franco domenico
bruno paolo michele giorgio aldo sergio luciano marco andrea alessandro matteo lorenzo davide
simone luca stefano riccardo federico roberto fabio massimo claudio maurizio gianluca enrico nicola
giulia francesca chiara sara martina elena alessia giorgia anna valentina silvia federica ilaria
paola laura roberta daniela simona barbara giuseppina rosa angela giovanna teresa lucia caterina
antonella patrizia donatella rita concetta filomena
johannes hendrik willem pieter cornelis gerrit jacobus dirk klaas sjoerd jeroen maarten bas joost
wouter ruben sander thijs daan sem bram lars stijn koen
johanna maria cornelia wilhelmina hendrika anneke marijke saskia monique esther ingrid linda
femke sanne lotte fleur roos
joao jose antonio francisco luis paulo pedro rui nuno tiago miguel ricardo jorge goncalo diogo andre
maria ana joana sofia ines beatriz catarina mariana margarida fernanda luciana adriana aparecida
mohammed mohamed muhammad ahmed ali fatima aisha yusuf omar hassan ibrahim mustafa mehmet ayse
"""
_FAMILY = """
smith johnson williams jones davis miller wilson anderson taylor thomas jackson martin lee thompson
harris clark lewis robinson walker allen wright scott torres nguyen adams nelson roberts carter
mitchell phillips evans turner parker collins edwards stewart morris murphy rogers reed morgan
cooper peterson bailey kelly howard ward watson brooks bennett wood richardson hughes price
myers sullivan foster jenkins perry powell patterson jordan reynolds hamilton graham wallace west
simmons griffin ellis patel khan singh kaur ahmed campbell davies shaw ross harrison edwards
macdonald mcdonald oconnor obrien kennedy murray fraser gibson hunter marshall simpson lloyd
mueller muller schmidt schneider fischer weber meyer maier mayer meier wagner becker schulz schulze
hoffmann hofmann schaefer schafer koch bauer richter klein wolf schroeder schroder neumann schwarz
zimmermann braun krueger kruger hartmann lange werner krause lehmann schmid schmitt schmitz
koehler kohler herrmann hermann konig koenig walter huber kaiser fuchs peters lang scholz moeller
moller weiss jung hahn schubert vogel friedrich keller guenther gunther frank berger winkler roth
beck lorenz baumann franke albrecht schuster simon ludwig boehm bohm winter kraus schumacher kramer
kraemer vogt stein jaeger jager otto sommer gross seidel heinrich brandt haas schreiber graf
dietrich ziegler kuhn kuehn pohl engel horn busch bergmann thomas voigt sauer arnold wolff pfeiffer
bernard dubois durand robert richard petit leroy moreau simon laurent lefebvre michel garcia david
bertrand roux vincent fournier morel girard andre lefevre mercier dupont lambert bonnet francois
martinez legrand garnier faure rousseau blanc guerin muller henry roussel nicolas perrin morin
mathieu clement gauthier dumont lopez fontaine chevalier robin masson sanchez gerard nguyen boyer
denis lemaire duval joly gautier roger roche roy noel meyer lucas meunier jean perez marchand dufour
gonzalez rodriguez fernandez lopez martinez sanchez perez gomez martin jimenez ruiz hernandez diaz
moreno munoz alvarez romero alonso gutierrez navarro torres dominguez vazquez ramos gil ramirez
serrano blanco molina morales suarez ortega delgado castro ortiz rubio marin sanz nunez iglesias
medina garrido cortes castillo santos lozano guerrero cano prieto mendez cruz calvo gallego vidal
herrera flores cabrera pena leon marquez reyes vargas campos fuentes carrasco diez aguilar caballero
rossi russo ferrari esposito bianchi romano colombo ricci marino greco bruno gallo conti deluca
costa giordano mancini rizzo lombardi moretti barbieri fontana santoro mariani rinaldi caruso
ferrara galli martini leone longo gentile martinelli vitale lombardo serra coppola desantis
dangelo marchetti parisi villa conte ferraro ferri fabbri bianco marini grasso valentini messina
jong jansen vries berg bakker dijk visser smit meijer boer mulder groot bos vos peters hendriks
leeuwen dekker brouwer wit dijkstra smits graaf meer linden kok jacobs haan vermeulen heuvel
veen broek bruijn schouten beek heijden willems hoekstra koster verhoeven prins huisman
silva santos ferreira pereira oliveira costa rodrigues martins jesus sousa fernandes goncalves gomes
lopes marques alves almeida ribeiro pinto carvalho teixeira moreira correia mendes nunes soares
vieira monteiro cardoso rocha neves coelho cruz cunha pires ramos reis simoes antunes matos fonseca
yilmaz kaya demir celik kowalski nowak novak ivanov horvat nagy
"""
#: Names that are words, colours, months, occupations or places too: beside others they count, alone
#: they do not.
_ALSO_WORDS = """
may april june august summer winter sommer rose ruby amber grace joy hope faith will mark bill art
brown white black green gray grey young long short small low good best day king baker cook
carpenter taylor walker turner cooper hunter fisher smith wood price ward west north south east
reed brooks lake hill stone field page banks cross rice bush fox wolf vogel fuchs klein gross lang
kurz jung weiss schwarz braun koch bauer weber wagner mueller schneider fischer kaiser konig koenig
stein horn engel sauer busch graf haas hahn wit groot boer kok bakker visser prins berg blanc petit
leone longo gentile villa marino greco romano conte bianco cruz campos flores fuentes iglesias
castillo leon reyes blanco rubio moreno calvo cano serra santos reis pinto leroy roche noel
victoria virginia florence madison charlotte jackson jordan london paris berlin vienna lincoln
houston austin angel angeles jesus pilar rosario consuelo soledad esperanza dolores mercedes luz
salvador santiago jade alba ava daily lee an ann ana jean max tim jan mai sem bas ali ros roy ross
frank carol dominique nicola simone andrea rio scott clark kelly ellis morgan meer veen broek beek
"""


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ALL = _set(_GIVEN) | _set(_FAMILY)
_SURE = _ALL - _set(_ALSO_WORDS)
#: What may stand before or within a name.
_BESIDE = _set(
    "mr mrs ms miss dr prof herr frau m mme mlle sr sra srta sig dott don dona van von de der"
    " den del della di da dos du la le el zu ter ten y e jr"
)
#: Fewer values are not looked at.
_LEAST = 3


def _plain(text: str) -> str:
    for letter, pair in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        text = text.replace(letter, pair)
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _words(value: str) -> list[str]:
    return re.findall(r"[a-z]+", _plain(value.casefold()).replace("'", ""))


def like_people(values: Sequence[str]) -> bool:
    """Whether at least half of some distinct texts are made of frequent names of people.

    >>> like_people(["Anna", "Müller", "garcía lópez"]), like_people(["Brown", "Green", "White"])
    (True, False)
    """
    texts = [v for v in values if len(v) <= 60 and not any(c.isdigit() for c in v)]
    if len(texts) < _LEAST or len(texts) * 2 < len(values):
        return False
    sure = some = 0
    for text in texts:
        words = [w for w in _words(text) if w not in _BESIDE and len(w) > 1]
        named = sum(w in _ALL for w in words)
        if words and len(words) <= 5 and named * 2 >= len(words):
            some += 1
            sure += any(w in _SURE for w in words)
    return some * 2 >= len(values) and some >= _LEAST and sure >= 2 and sure * 3 >= some
