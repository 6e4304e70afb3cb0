"""What is known of human movement in numbers, rounded, and a work that treats it.

The ranges are general knowledge of the field; none was checked against the text of the work named beside it.
"""

from typing import NamedTuple

SOURCES: dict[str, str] = {
    "grieve1966": "Grieve and Gear (1966), Ergonomics 9(5): stride, cadence and speed of walking",
    "bohannon1997": "Bohannon (1997), Age and Ageing 26(1): comfortable and maximum walking speed",
    "tudorlocke2018": "Tudor-Locke et al. (2018), Br J Sports Med 52(12): walking cadence and intensity",
    "winter1992": "Winter (1992), Phys Ther 72(1): foot trajectory in human gait",
    "winter1989": "Winter, Pluck and Yang (1989), J Mot Behav 21(3): backward walking",
    "patterson2008": "Patterson et al. (2008), Arch Phys Med Rehabil 89(2): gait asymmetry after stroke",
    "riener2002": "Riener, Rabuffetti and Frigo (2002), Gait & Posture 15(1): stair ascent and descent",
    "mcintosh2006": "McIntosh et al. (2006), J Biomech 39(13): gait on an inclined walkway",
    "novacheck1998": "Novacheck (1998), Gait & Posture 7(1): the biomechanics of running",
    "cavanagh1982": "Cavanagh and Williams (1982), Med Sci Sports Exerc 14(1): stride length in running",
    "patrick2009": "Patrick, Noah and Yang (2009), J Neurophysiol 101: interlimb coordination in crawling",
    "schenkman1990": "Schenkman et al. (1990), Phys Ther 70(10): rising from sitting to standing",
    "escamilla2001": "Escamilla (2001), Med Sci Sports Exerc 33(1): knee biomechanics of the squat",
    "hsiao1998": "Hsiao and Robinovitch (1998), J Biomech 31(1): unexpected falls from standing height",
    "bourke2007": "Bourke, O'Brien and Lyons (2007), Gait & Posture 26(2): accelerations of falls",
    "faria2005": "Faria, Parker and Faria (2005), Sports Med 35(4): the science of cycling, part 2",
    "kleshnev2016": "Kleshnev (2016), The Biomechanics of Rowing",
    "vandentillaar2007": "van den Tillaar and Ettema (2007), J Appl Biomech 23(1): overarm throwing",
    "magermans2005": "Magermans et al. (2005), Clin Biomech 20(6): upper limb in daily tasks",
    "iso18738": "ISO 18738-1:2012 and CIBSE Guide D (2020): ride quality of lifts",
    "griffin1990": "Griffin (1990), Handbook of Human Vibration",
}

# What a range can be about: the choreography's own facts, then measures of the motion, limbs on the right.
QUANTITIES: dict[str, str] = {
    "mps": "speed of travel",
    "per_minute": "steps, strokes or turns",
    "seconds": "duration",
    "cabin_mps2": "peak acceleration of the cabin",
    "shake_mps2": "root mean square acceleration of the seat or floor",
    "hand_speed_mps": "peak speed of the hand",
    "foot_speed_mps": "peak speed of the foot",
    "pelvis_peak_mps2": "peak acceleration of the pelvis",
    "knee_peak_deg": "peak flexion of the knee",
    "elbow_peak_deg": "peak flexion of the elbow",
}


class Range(NamedTuple):
    """What a quantity is among healthy adults, rounded.

    what    key of QUANTITIES
    source  key of SOURCES
    """

    what: str
    low: float
    high: float
    unit: str
    source: str
